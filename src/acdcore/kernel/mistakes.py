"""What pydantic finds wrong in an operator's file, in an operator's words."""

from collections.abc import Mapping

from pydantic_core import ErrorDetails


def in_words(problem: ErrorDetails, forms: Mapping[str, str]) -> str:
    """The mistake and its remedy; `forms` says of each pattern how what it stands for is written."""
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    match kind:
        case "extra_forbidden":
            return "is not a key that belongs here; remove it or mend its spelling"
        case "string_pattern_mismatch":
            pattern = problem["ctx"]["pattern"]  # the input is not shown: it may hold a password
            return f"cannot be written so; write {forms.get(pattern, f'what matches {pattern}')}"
        case "list_type":
            return 'is not a list; write it in brackets, as in ["first", "second"]'
    return message[:1].lower() + message[1:]
