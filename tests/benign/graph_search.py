from collections import defaultdict, deque


def shortest(edges, start, goal):
    graph = defaultdict(set)
    for left, right in edges:
        graph[left].add(right)
        graph[right].add(left)
    queue = deque([[start]])
    seen = {start}
    while queue:
        path = queue.popleft()
        if path[-1] == goal:
            return path
        for node in sorted(graph[path[-1]] - seen):
            seen.add(node)
            queue.append(path + [node])
    return None


def run(ctx, params):
    return shortest(params["edges"], params["from"], params["to"])

# params: {"edges": [["a", "b"], ["b", "c"], ["a", "d"], ["d", "e"], ["e", "c"]], "from": "a", "to": "c"}
# returns: ["a", "b", "c"]
