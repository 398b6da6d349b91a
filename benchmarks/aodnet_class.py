"""A network of AOD-Net's shape with random weights: the smallest published dehazer that works at full resolution.

Source: B. Li, X. Peng, Z. Wang, J. Xu, D. Feng, "AOD-Net: All-in-One Dehazing Network", ICCV 2017, section 3.2.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def build_aodnet_class(height: int, width: int) -> onnx.ModelProto:
    """Return float32 `hazy` [1, 3, height, width] -> `clear` of the same shape: five layers, 1,761 weights.

    K is estimated by convolutions of 1, 3, 5, 7 and 3 pixels with three channels each, of which the later ones see
    several earlier ones side by side; the picture without fog is relu(K · hazy - K + 1).
    """
    random = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    constants = [numpy_helper.from_array(np.float32(1.0), "one")]

    def convolve(sources: list[str], output: str, kernel: int) -> str:
        incoming = 3 * len(sources)
        weights = random.normal(0.0, 0.1, (3, incoming, kernel, kernel)).astype(np.float32)
        constants.append(numpy_helper.from_array(weights, f"{output}_weights"))
        constants.append(numpy_helper.from_array(np.full(3, 0.1, np.float32), f"{output}_bias"))
        if len(sources) > 1:
            nodes.append(helper.make_node("Concat", sources, [f"{output}_sources"], axis=1))
        source = f"{output}_sources" if len(sources) > 1 else sources[0]
        nodes.append(
            helper.make_node(
                "Conv",
                [source, f"{output}_weights", f"{output}_bias"],
                [f"{output}_signed"],
                pads=[kernel // 2] * 4,
            )
        )
        nodes.append(helper.make_node("Relu", [f"{output}_signed"], [output]))
        return output

    first = convolve(["hazy"], "first", 1)
    second = convolve([first], "second", 3)
    third = convolve([first, second], "third", 5)
    fourth = convolve([second, third], "fourth", 7)
    k = convolve([first, second, third, fourth], "k", 3)
    nodes += [
        helper.make_node("Mul", [k, "hazy"], ["product"]),
        helper.make_node("Sub", ["product", k], ["difference"]),
        helper.make_node("Add", ["difference", "one"], ["shifted"]),
        helper.make_node("Relu", ["shifted"], ["clear"]),
    ]
    shape = [1, 3, height, width]
    graph = helper.make_graph(
        nodes,
        "aodnet_class",
        [helper.make_tensor_value_info("hazy", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("clear", TensorProto.FLOAT, shape)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
