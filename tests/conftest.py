"""What all tests share: generated speech is signed with a key that is thrown away, never with the developer's own."""

from __future__ import annotations

import os
import tempfile

_KEYS = tempfile.TemporaryDirectory(prefix="voicecast-keys-")
os.environ["VOICECAST_KEYS_DIR"] = _KEYS.name
