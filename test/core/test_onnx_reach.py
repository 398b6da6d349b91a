"""What in a graph leads where."""

from onnx import parser

from dfs_core.onnx_reach import above, below, seen_unshrunk

GRAPH = parser.parse_graph(
    """
    g (float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y, float[1, 3, 4, 4] z) {
      a = Relu (x)
      small = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (x)
      b = Relu (small)
      y = Neg (a)
      z = Neg (b)
    }
    """
)


def test_above_is_what_leads_to_a_value():
    assert above(GRAPH.node, {"z"}) == {"small", "b", "z"}


def test_below_is_what_depends_on_a_value():
    assert below(GRAPH.node, {"a"}) == {"a", "y"}


def test_what_passes_through_a_mean_alone_sees_a_shrunken_frame():
    assert seen_unshrunk(GRAPH.node, {"x"}) == {"x", "a", "y"}
    both = parser.parse_graph(
        """
        g (float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y) {
          same = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x)
          y = Add (x, same)
        }
        """
    )
    assert "y" in seen_unshrunk(both.node, {"x"}), "it sees the frame itself, too"
