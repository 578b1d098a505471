# C types for hold_music.py when it is compiled; without a compiler the same file runs, a hundred times slower.

cimport cython

@cython.locals(x=cython.double, y=cython.double, index=cython.Py_ssize_t)
cdef void _turn(double[::1] sound, double real, double imaginary)

@cython.locals(index=cython.Py_ssize_t)
cdef void _mix(double[::1] mix, double[::1] sound, Py_ssize_t start, double strength)
