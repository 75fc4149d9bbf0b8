"""The pyannote engine. What is set here must be set before the library is first imported."""

import os
import warnings

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # it reports every file's length to its makers otherwise
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore", message="\\s*torchcodec is not installed")  # waveforms come from memory
