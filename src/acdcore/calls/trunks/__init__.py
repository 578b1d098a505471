"""Trunks: which there are, how many calls they carry, whether they answer, and where a refused call goes next."""
