"""Eigenvalues of a symmetric random matrix: each input line is {"seed": ..., "size": ...}, each output line the extremes."""

import json
import sys

import numpy


def extremes(seed, size):
    drawn = numpy.random.default_rng(seed).standard_normal((size, size))
    values = numpy.linalg.eigvalsh((drawn + drawn.T) / numpy.sqrt(2 * size))
    return {"smallest": float(values[0]), "largest": float(values[-1])}


for line in sys.stdin:
    print(json.dumps(extremes(**json.loads(line))), flush=True)
