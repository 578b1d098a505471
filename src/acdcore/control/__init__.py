"""The HTTP control plane: what operations staff, CRMs and wallboards see of the call centre and may ask of it."""

from acdcore.control.app import ControlParts
from acdcore.control.plane import ControlPlane
from acdcore.control.settings import ApiKey, ControlSettings, Right

__all__ = ["ApiKey", "ControlParts", "ControlPlane", "ControlSettings", "Right"]
