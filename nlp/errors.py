"""Every error Plaudit raises on purpose.

    PlauditError
    ├── UsageError            the caller asked for something impossible (exit code 2, HTTP 422)
    │   ├── InputError        a file or record set cannot be used at all
    │   └── MappingError      a named column, field or option value does not exist
    ├── ArtifactError         a model folder is missing, damaged, or of another format
    ├── PolicyError           the policy file contradicts itself or names an unknown signal
    ├── TrainingDataError     labelled data that must not be trained on
    ├── OverloadedError       the service has no room for more work now (HTTP 429)
    ├── StorageError          the database or the disk cannot be used now (HTTP 503)
    ├── FetchError            a store or server does not give now what a source holds; the source is no worse
    └── ServiceError          a service was asked and gave no answer, or an error; raised by the client
        ├── RefusedError      it can't take the request as it is (HTTP 4xx); a UsageError too
        ├── AccessError       the API key is missing, unknown or revoked (HTTP 401)
        └── BusyError         it had no room, or the quota is used up (HTTP 429); an OverloadedError too

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


class StorageError(PlauditError):
    """The database or the disk cannot be used now."""


class FetchError(PlauditError):
    """A store or server on another machine does not give now what a source holds."""


class ServiceError(PlauditError):
    """A service was asked and gave no answer, or an error.

    Attributes:
        status: The HTTP status; None where there was no answer.
        kind: The last part of the problem's `type`, such as "body-too-large"; None where there was none.
        request_id: Under which the log of the service has more; None where there was no answer.
        retry_after: Seconds after which another try makes sense; None where nobody said.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        kind: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.request_id = status, kind, request_id
        self.retry_after = retry_after


class RefusedError(ServiceError, UsageError):
    """The service can't take the request as it is."""


class AccessError(ServiceError):
    """The API key is missing, unknown or revoked."""


class BusyError(ServiceError, OverloadedError):
    """The service had no room, or the quota of the key is used up."""
