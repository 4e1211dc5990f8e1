"""Every error Plaudit raises on purpose.

    PlauditError
    ├── UsageError            the caller asked for something impossible (exit code 2, HTTP 422)
    │   ├── InputError        a file or record set cannot be used at all
    │   └── MappingError      a named column, field or option value does not exist
    ├── ArtifactError         a model folder is missing, damaged, or of another format
    ├── PolicyError           the policy file contradicts itself or names an unknown signal
    ├── TrainingDataError     labelled data that must not be trained on
    └── OverloadedError       the service has no room for more work now (HTTP 429)

A message says what was found, what was expected and what to do. Expected absence is a value, not an
error: too little data gives an `Index` without a number, a bad record gives a `Rejection`.
"""

from __future__ import annotations


class PlauditError(Exception):
    """Root of every error raised on purpose; its message is fit for a person."""


class UsageError(PlauditError):
    """The caller asked for something impossible."""


class InputError(UsageError):
    """A file or a set of records cannot be used at all."""


class MappingError(UsageError):
    """A named column, field or option value does not exist."""


class ArtifactError(PlauditError):
    """A model folder is missing, damaged, or of another format."""


class PolicyError(PlauditError):
    """The policy contradicts itself or names an unknown signal."""


class TrainingDataError(PlauditError):
    """Labelled data that must not be trained on."""


class OverloadedError(PlauditError):
    """The service has no room for more work now."""
