"""Examples in the OpenAPI document."""

from __future__ import annotations

from typing import Any

_WEIGHTS = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_CONFIG = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
_COMMIT = "4f2c1e0d9b8a7f6e5d4c3b2a190817263544d3c2"

EXAMPLES: dict[str, dict[str, Any]] = {
    "VerifyRequest": {
        "files": {
            "config.json": {"sha256": _CONFIG, "sizeBytes": 612},
            "model.safetensors": {"sha256": _WEIGHTS, "sizeBytes": 988097824},
        },
        "baseModel": "example/base-7b",
    },
    "Hook": {
        "event": {"action": "update", "scope": "repo.content"},
        "repo": {
            "type": "model",
            "name": "someone/derived-7b",
            "id": "621ffdc036468d709f17434d",
            "private": False,
            "owner": {"id": "61d2000c3c2083e1c08af22d"},
        },
        "updatedRefs": [{"ref": "refs/heads/main", "oldSha": None, "newSha": _COMMIT}],
        "webhook": {"id": "6390e855e30d9209411de93b", "version": 3},
    },
    "HookAnswer": {"deliveries": [_CONFIG], "nNew": 1},
    "VerifyAnswer": {
        "key": _CONFIG,
        "rule": "example-license",
        "action": "allow-with-notice",
        "verifiedAt": "2026-06-01T12:00:00Z",
        "recorded": False,
        "verdict": {
            "version": "attest-listing-verdict/1",
            "state": "no-attestation",
            "checked": "listed-hash",
            "covered": 0,
            "total": 2,
            "problems": ["no attestation was found"],
        },
    },
}
