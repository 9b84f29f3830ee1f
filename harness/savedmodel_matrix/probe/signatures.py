"""A SavedModel without the functions that no signature runs, which loads in a part of the time.

Keras saves several functions for every layer, and a loader builds each one. What a signature runs, what a
table or another resource needs to begin, and all that these call stay as they are.
"""

#: What a table or another resource calls the functions that make and fill it.
_OF_RESOURCES = ("_create_resource", "_initialize", "_destroy_resource")
#: The attribute of functions that are variants of each other: the graph optimizer exchanges one for another.
_VARIANT = "api_implements"
_GRADIENT = "_gradient_op_type"


def keep(message):
    """Leave out what no signature of ``message`` needs, and return whether there was any.

    Graphs of TensorFlow 1 stay whole.
    """
    dropped = 0
    for graph in message.meta_graphs:
        objects = graph.object_graph_def
        if len(objects.concrete_functions):
            library = graph.graph_def.library
            wanted = _closed(library, _called(graph.graph_def.node) | _entries(objects))
            dropped += sum(each.signature.name not in wanted for each in library.function)
            _drop_from_objects(objects, wanted)
            _drop_from_library(library, wanted)
    return dropped > 0


def _entries(objects):
    """Return the names of the functions that loading or calling a signature begins with."""
    names, places = set(), set()
    for node in objects.nodes:
        kind = node.WhichOneof("kind")
        if kind == "bare_concrete_function":
            names.add(node.bare_concrete_function.concrete_function_name)
        elif kind == "captured_tensor":
            names.add(node.captured_tensor.concrete_function)
        places.update(child.node_id for child in node.children if child.local_name in _OF_RESOURCES)
        for each in node.saveable_objects.values():
            places.update([each.save_function, each.restore_function])
    for place in places:
        if objects.nodes[place].WhichOneof("kind") == "function":
            names.update(objects.nodes[place].function.concrete_functions)
    return names


def _closed(library, wanted):
    """Return ``wanted`` with every function that these call, exchange or need for gradients."""
    functions = {each.signature.name: each for each in library.function}
    variants = {}
    for name, each in functions.items():
        if _VARIANT in each.attr:
            variants.setdefault(each.attr[_VARIANT].s, []).append(name)
    gradients = {each.function_name: each.gradient_func for each in library.gradient}
    registered = {
        each.registered_op_type.encode(): each.gradient_func
        for each in getattr(library, "registered_gradients", ())  # since 2.7
    }
    waiting, closed = list(wanted), set()
    while waiting:
        name = waiting.pop()
        if name in closed or name not in functions:
            continue
        closed.add(name)
        function = functions[name]
        marked = [node.attr[_GRADIENT].s for node in function.node_def if _GRADIENT in node.attr]
        waiting += [registered[each] for each in marked if each in registered]
        waiting += _called(function.node_def)
        waiting.append(gradients.get(name, ""))
        if _VARIANT in function.attr:
            waiting += variants[function.attr[_VARIANT].s]
    return closed


def _called(nodes):
    """Return the names of the functions that nodes call, whether by their operation or an attribute."""
    names = set()
    for node in nodes:
        names.add(node.op)
        for value in node.attr.values():
            names.add(value.func.name)
            names.update(each.name for each in value.list.func)
    return names


def _drop_from_objects(objects, wanted):
    for name in [name for name in objects.concrete_functions if name not in wanted]:
        del objects.concrete_functions[name]
    for node in objects.nodes:
        if node.WhichOneof("kind") == "function":
            kept = [name for name in node.function.concrete_functions if name in wanted]
            node.function.concrete_functions[:] = kept


def _drop_from_library(library, wanted):
    _filter(library.function, lambda each: each.signature.name in wanted)
    _filter(library.gradient, lambda each: each.function_name in wanted)
    _filter(getattr(library, "registered_gradients", []), lambda each: each.gradient_func in wanted)


def _filter(repeated, is_wanted):
    for place in reversed(range(len(repeated))):
        if not is_wanted(repeated[place]):
            del repeated[place]
