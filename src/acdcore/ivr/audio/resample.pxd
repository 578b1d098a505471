# C types for resample.py when it is compiled; without a compiler the same file runs, a hundred times slower.

cimport cython

cdef double TO_NEAREST
cdef long LOWEST

@cython.locals(width=cython.Py_ssize_t, index=cython.Py_ssize_t, start=cython.Py_ssize_t, row=cython.Py_ssize_t,
               tap=cython.Py_ssize_t, value=cython.double)
cdef void _filter(short[::1] source, double[::1] rows, short[::1] target, Py_ssize_t up, Py_ssize_t down,
                  Py_ssize_t begin, Py_ssize_t end)

@cython.locals(index=cython.Py_ssize_t)
cdef void _amplify(short[::1] source, double gain, short[::1] target)
