"""The bounds that keys of ``params.yaml`` share."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=100)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Rate = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
ParameterKind = Literal["embedding", "weights", "biases"]


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """``values``. Raises ValueError if one of them appears twice."""
    if len(set(values)) != len(values):
        raise ValueError("the same entry appears twice")
    return values


Levels = Annotated[tuple[Annotated[int, Field(ge=1, le=254)], ...], AfterValidator(distinct)]
