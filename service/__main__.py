"""`python -m service`: serve one data folder over HTTP."""

import os
import sys

from service.arguments import parse

if __name__ == "__main__":
    call = parse()
    # OpenMP reads these once, when faiss, LightGBM or BLAS is loaded. Requests fill the cores
    # themselves; a team of threads inside each would only make them wait for each other.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

    from service.launch import serve

    sys.exit(serve(call))
