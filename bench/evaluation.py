"""Retrieval by faiss and k-means by scikit-learn, on made-up embeddings, beside ours.

    ENV/bin/pip install faiss-cpu scikit-learn
    ENV/bin/python bench/evaluation.py --write x.f32 --iterations 12
    cargo run --release -p arcsphere-eval --example measures x.f32 128 1885

Embeddings: a direction per class, and noise around it whose width differs from sample to sample. faiss searches the
neighbors that Recall@8 and MAP@R need, exactly (IndexFlatIP); scikit-learn runs Lloyd's iteration
once, from samples as centers, as often as asked for. Prints one JSON object.
"""

import argparse
import json
import os
import time


def embeddings(np, args):
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((args.classes, args.dim))
    width = args.spread * rng.uniform(0.5, 1.5, (args.samples, 1))
    noise = rng.standard_normal((args.samples, args.dim))
    return (middles[np.arange(args.samples) % args.classes] + width * noise).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=65_905, help="N [%(default)s]")
    parser.add_argument("--classes", type=int, default=1_885, help="C [%(default)s]")
    parser.add_argument("--dim", type=int, default=128, help="D [%(default)s]")
    parser.add_argument("--spread", type=float, default=0.8, help="width of a class [%(default)s]")
    parser.add_argument("--iterations", type=int, default=10, help="of k-means [%(default)s]")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads [all]")
    parser.add_argument("--read", metavar="FILE", help="embeddings to take instead of made-up ones, as --write leaves them")
    parser.add_argument("--write", metavar="FILE", help="leave the embeddings here, for our side")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    import faiss
    import numpy as np
    import sklearn
    from sklearn.cluster import KMeans

    faiss.omp_set_num_threads(args.threads)
    x = np.fromfile(args.read, np.float32).reshape(-1, args.dim) if args.read else embeddings(np, args)
    if args.write:
        x.tofile(args.write)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    neighbors = max(8, -(-len(x) // args.classes) - 1) + 1

    started = time.perf_counter()
    index = faiss.IndexFlatIP(args.dim)
    index.add(x)
    index.search(x, neighbors)
    found = time.perf_counter()
    centers = x[np.random.default_rng(1).choice(len(x), args.classes, replace=False)]
    kmeans = KMeans(args.classes, init=centers, n_init=1, max_iter=args.iterations, tol=0.0, algorithm="lloyd")
    kmeans.fit(x)
    done = time.perf_counter()
    print(json.dumps({
        "subject": "evaluation", "samples": len(x), "dim": args.dim, "classes": args.classes, "threads": args.threads,
        "faiss_seconds": found - started, "neighbors": neighbors, "faiss": faiss.__version__,
        "kmeans_seconds": done - found, "iterations": int(kmeans.n_iter_), "scikit_learn": sklearn.__version__,
    }, indent=2))


if __name__ == "__main__":
    main()
