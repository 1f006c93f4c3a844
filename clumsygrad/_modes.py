"""What holds for a thread and a context: whether operations are recorded, and what tracked tensors and sums may do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, ClassVar

__all__ = [
    "adds_in_order",
    "allow_numbers",
    "checkpoint_set",
    "checkpointed_from",
    "deterministic",
    "no_grad",
    "numbers_allowed",
    "recording",
    "recording_set",
    "reset_recording",
    "set_recording",
]

_recording: ContextVar[bool] = ContextVar("clumsygrad_recording", default=True)
_numbers_allowed: ContextVar[bool] = ContextVar("clumsygrad_numbers_allowed", default=False)
_adds_in_order: ContextVar[bool] = ContextVar("clumsygrad_adds_in_order", default=False)
_checkpointed_from: ContextVar[int] = ContextVar("clumsygrad_checkpointed_from", default=0)

# Asked by every operation: the variables' own C functions. A variable that is set is found faster than one that has its default.
_recording.set(True)
recording: Callable[[], bool] = _recording.get
set_recording: Callable[[bool], Token[bool]] = _recording.set
reset_recording: Callable[[Token[bool]], None] = _recording.reset
numbers_allowed: Callable[[], bool] = _numbers_allowed.get
adds_in_order: Callable[[], bool] = _adds_in_order.get
checkpointed_from: Callable[[], int] = (
    _checkpointed_from.get
)  # older tensors are closed over by the checkpoint that runs, if one does


class _Setting(ContextDecorator):
    """A context manager (and decorator) that sets a context variable, for this thread and context only."""

    _variable: ClassVar[ContextVar[Any]]
    _value: Any

    def __init__(self) -> None:
        self._tokens: list[Token[bool]] = []

    def _recreate_cm(self) -> _Setting:
        return type(self)()

    def __enter__(self) -> None:
        self._tokens.append(self._variable.set(self._value))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._variable.reset(self._tokens.pop())


class no_grad(_Setting):
    """Context manager and decorator: what is computed inside is not recorded, and leaves may be assigned to.

    >>> import clumsygrad as cg
    >>> x = cg.Tensor([1.0], requires_grad=True)
    >>> with cg.no_grad():
    ...     print((2 * x).requires_grad)
    False
    """

    _variable = _recording
    _value = False


class allow_numbers(_Setting):
    """Context manager: `float(x)`, `int(x)` and `complex(x)` are allowed on tensors that require a gradient.

    For code that only wants a number (a progress report, a stopping test), and knows that no gradient passes through it.
    """

    _variable = _numbers_allowed
    _value = True


class deterministic(_Setting):
    """Context manager and decorator: on CuPy, elements that are read more than once sum their gradients in one fixed order.

    Otherwise they are summed by whichever thread comes first, so that the last bits differ from run to run. In order it is slower, the
    more so the more often one element is read. NumPy sums in order anyway; for PyTorch use `torch.use_deterministic_algorithms`, for
    JAX XLA's flags.
    """

    _variable = _adds_in_order
    _value = True


class recording_set(_Setting):
    """Context manager: recording on (True) or off (False)."""

    _variable = _recording

    def __init__(self, value: bool) -> None:
        super().__init__()
        self._value = value


class checkpoint_set(_Setting):
    """Context manager: a checkpoint runs, whose own tensors begin with an id."""

    _variable = _checkpointed_from

    def __init__(self, oldest: int) -> None:
        super().__init__()
        self._value = oldest
