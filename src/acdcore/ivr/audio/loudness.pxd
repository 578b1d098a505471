# C types for loudness.py when it is compiled; without a compiler the same file runs, a hundred times slower.

cimport cython

cdef double TO_NEAREST
cdef long LOWEST

@cython.locals(b0=cython.double, b1=cython.double, b2=cython.double, a1=cython.double, a2=cython.double,
               d1=cython.double, d2=cython.double, shelf1=cython.double, shelf2=cython.double, pass1=cython.double,
               pass2=cython.double, part=cython.Py_ssize_t, index=cython.Py_ssize_t, total=cython.double,
               value=cython.double, raised=cython.double, heard=cython.double)
cdef void _weigh(short[::1] source, double[::1] weights, double[::1] steps, Py_ssize_t step)

@cython.locals(ceiling=cython.double, reach=cython.Py_ssize_t, release=cython.double, index=cython.Py_ssize_t, before=cython.Py_ssize_t,
               level=cython.double, held=cython.double, total=cython.double, value=cython.double)
cdef void _limit(short[::1] source, double gain, double[::1] gains, short[::1] target)
