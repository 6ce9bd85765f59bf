"""The demonstration company: exports of an invented group, as its systems would write them."""

from encours.demo.documents import END, START
from encours.demo.generator import Progress, generate

__all__ = ["END", "START", "Progress", "generate"]
