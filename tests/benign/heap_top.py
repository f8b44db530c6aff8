import heapq


def run(ctx, params):
    heap = []
    for index, likes in enumerate(params["likes"]):
        heapq.heappush(heap, (likes, index))
    smallest = heapq.heappop(heap)
    return [smallest, heapq.nlargest(2, params["likes"]), list(heapq.merge([1, 4], [2, 3]))]

# params: {"likes": [5, 1, 9, 3, 7]}
# returns: [[1, 1], [9, 7], [1, 2, 3, 4]]
