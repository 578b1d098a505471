"""The HTTP control plane: what operations staff, CRMs and wallboards can see and change in the call centre."""

from acdcore.control.app import ControlParts
from acdcore.control.plane import ControlPlane
from acdcore.control.settings import ApiKey, ControlSettings, Right

__all__ = ["ApiKey", "ControlParts", "ControlPlane", "ControlSettings", "Right"]
