"""What may stand in a flow's file: names, values and times, with their bounds."""

from typing import Annotated, Literal

from pydantic import Field

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Names of flows, nodes, prompts and variables: they go into files' names and into records."""
RECORDING_MAX_S = 600.0
"""The longest message: nobody listens to more than ten minutes."""
SERVICE_FIELDS_MAX = 20
"""Fields that a service is sent or gives: more than a caller can be asked for or told."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PromptRef = Annotated[str, Field(pattern=r"^(system\.)?[a-z0-9][a-z0-9_-]{0,62}$")]
ValueRef = Annotated[str, Field(pattern=r"^(customer\.)?[a-z0-9][a-z0-9_-]{0,62}$")]
"""A variable, or a field of the customer's card."""
Value = Annotated[str, Field(min_length=1, max_length=200)]
"""What is kept for a key, and goes into records."""
HowToRead = Literal["digits", "number", "money", "date", "time", "duration", "text"]
Pause = Annotated[float, Field(gt=0, le=60)]
"""Seconds of silence that a caller is given."""
Tries = Annotated[int, Field(ge=0, le=9)]
Advance = Annotated[float, Field(ge=0, le=86_400)]
"""Seconds that a caller is put ahead: at most a day."""
