"""The tree of messages, also for stored rows that don't form a tree."""

from hypothesis import given
from hypothesis import strategies as st

from server.conversations import tree

PARENTS: dict[str, str | None] = {"a": None, "b": "a", "c": "b", "d": "b", "e": "a", "f": "d", "z": None}


def test_a_branch_is_read_from_its_first_message_on() -> None:
    assert tree.path(PARENTS, "f") == ("a", "b", "d", "f")
    assert tree.path(PARENTS, "z") == ("z",)
    assert tree.path(PARENTS, None) == tree.path(PARENTS, "no") == ()


def test_children_are_in_the_order_of_their_beginning() -> None:
    assert tree.children(PARENTS)["b"] == ["c", "d"]
    assert tree.children(PARENTS)[None] == ["a", "z"]


def test_subtree_is_all_below_a_message() -> None:
    assert set(tree.subtree(PARENTS, "b")) == {"b", "c", "d", "f"}
    assert tree.subtree(PARENTS, "z") == ("z",)


def test_the_newest_end() -> None:
    assert tree.newest_leaf(PARENTS, "a") == "e"
    assert tree.newest_leaf(PARENTS, "b") == "f"
    assert tree.newest_leaf(PARENTS, None) == "z"
    assert tree.newest_leaf({}, None) is None


def test_the_leaf_moves_beside_or_above_what_is_deleted() -> None:
    assert tree.leaf_without(PARENTS, "d", "f") == "c"
    assert tree.leaf_without(PARENTS, "e", "e") == "f"
    assert tree.leaf_without(PARENTS, "d", "c") == "c"
    assert tree.leaf_without(PARENTS, "z", "z") == "e"
    assert tree.leaf_without({"a": None}, "a", "a") is None


NAMES = st.sampled_from("abcdefgh")
ANYTHING = st.dictionaries(NAMES, st.one_of(st.none(), NAMES, st.just("gone")))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str | None]:
    """Strategy: lists of messages, each below an earlier one."""
    parents: dict[str, str | None] = {}
    for number in range(draw(st.integers(0, 30))):
        parents[str(number)] = draw(st.sampled_from([None, *parents]))
    return parents


@given(ANYTHING, st.one_of(st.none(), NAMES))
def test_nothing_runs_for_ever_whatever_it_is_given(parents: dict[str, str | None], at: str | None) -> None:
    assert len(tree.path(parents, at)) <= len(parents)
    tree.newest_leaf(parents, at)
    if at is not None:
        assert at in tree.subtree(parents, at)
    if at in parents:
        tree.leaf_without(parents, at, at)


@given(trees(), st.data())
def test_a_branch_goes_from_a_first_message_to_its_leaf(parents: dict[str, str | None], data: st.DataObject) -> None:
    leaf = data.draw(st.sampled_from([None, *parents]))
    path = tree.path(parents, leaf)
    assert [parents[id] for id in path] == [None, *path][: len(path)]
    assert path[-1:] == (() if leaf is None else (leaf,))


@given(trees().filter(bool), st.data())
def test_after_a_delete_the_leaf_is_an_end_that_is_left(parents: dict[str, str | None], data: st.DataObject) -> None:
    ends = [id for id in parents if id not in parents.values()]
    leaf, gone = data.draw(st.sampled_from(ends)), data.draw(st.sampled_from([*parents]))
    left = set(parents) - set(tree.subtree(parents, gone))
    following = tree.leaf_without(parents, gone, leaf)
    assert (following is None) == (not left)
    if following is not None:
        assert following in left
        assert following == leaf or not any(parents[id] == following for id in left)


@given(trees().filter(bool), st.data())
def test_subtree_and_path_agree(parents: dict[str, str | None], data: st.DataObject) -> None:
    top = data.draw(st.sampled_from([*parents]))
    assert set(tree.subtree(parents, top)) == {id for id in parents if top in tree.path(parents, id)}
