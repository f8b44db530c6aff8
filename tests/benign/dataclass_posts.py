from dataclasses import asdict, dataclass, field


@dataclass
class Post:
    """One cast of the agent."""

    text: str
    likes: int = 0
    tags: list[str] = field(default_factory=list)

    @property
    def is_popular(self) -> bool:
        return self.likes > 5


def run(ctx, params):
    posts = [Post(**row) for row in params["rows"]]
    posts[0].tags.append("first")
    posts[0].likes += 1
    return [dict(asdict(post), popular=post.is_popular) for post in posts]

# params: {"rows": [{"text": "a", "likes": 3}, {"text": "b", "likes": 7, "tags": ["x"]}]}
# returns: [{"text": "a", "likes": 4, "tags": ["first"], "popular": false}, {"text": "b", "likes": 7, "tags": ["x"], "popular": true}]
