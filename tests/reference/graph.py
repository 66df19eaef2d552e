"""Slow, obvious twins of the graph measures: edges are a dict {(from, to): movements}."""

from itertools import permutations

import numpy as np


def nodes_of(edges):
    return sorted({n for edge in edges for n in edge})


def reachable(edges, start, *, directed=True):
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for a, b in edges:
            for x, y in [(a, b)] if directed else [(a, b), (b, a)]:
                if x == here and y not in seen:
                    seen.add(y)
                    todo.append(y)
    return seen


def degrees(edges):
    return (
        {n: sum(b == n for _, b in edges) for n in nodes_of(edges)},
        {n: sum(a == n for a, _ in edges) for n in nodes_of(edges)},
    )


def reciprocity(edges):
    share = {}
    for n in nodes_of(edges):
        touching = [e for e in edges if n in e]
        share[n] = sum((b, a) in edges for a, b in touching) / len(touching)
    return share


def component(edges):
    return {n: min(reachable(edges, n, directed=False)) for n in nodes_of(edges)}


def core_number(edges):
    pairs = {frozenset(e) for e in edges}
    core = {}
    for k in range(len(nodes_of(edges)) + 1):
        left = set(nodes_of(edges))
        while weak := {n for n in left if sum(n in p and p <= left for p in pairs) < k}:
            left -= weak
        core |= dict.fromkeys(left, k)
    return core


def in_cycle(edges):
    def returns(n):
        return any(n in reachable(edges, b) for a, b in edges if a == n)

    return {n: float(returns(n)) for n in nodes_of(edges)}


def hops_from(edges, sources):
    hops = {n: 0 for n in sources if n in nodes_of(edges)}
    for step in range(1, len(nodes_of(edges)) + 1):
        at_edge = {n for n, h in hops.items() if h == step - 1}
        for a, b in edges:
            if a in at_edge and b not in hops:
                hops[b] = step
    return hops


def shortest_paths(edges, start, end):
    paths = [[start]]
    while paths:
        done = [p for p in paths if p[-1] == end]
        if done:
            return done
        paths = [[*p, b] for p in paths for a, b in edges if a == p[-1] and b not in p]
    return []


def betweenness(edges):
    nodes = nodes_of(edges)
    score = dict.fromkeys(nodes, 0.0)
    for start, end in permutations(nodes, 2):
        paths = shortest_paths(edges, start, end)
        for path in paths:
            for n in path[1:-1]:
                score[n] += 1 / len(paths)
    pairs = (len(nodes) - 1) * (len(nodes) - 2)
    return {n: s / pairs if pairs else s for n, s in score.items()}


def pagerank(edges, damping=0.85):
    nodes = nodes_of(edges)
    n = len(nodes)
    step = np.full((n, n), 1 / n)
    for i, a in enumerate(nodes):
        out = sum(w for (x, _), w in edges.items() if x == a)
        if out:
            step[i] = [edges.get((a, b), 0) / out for b in nodes]
    system = np.eye(n) - damping * step.T
    return dict(zip(nodes, np.linalg.solve(system, np.full(n, (1 - damping) / n)), strict=True))
