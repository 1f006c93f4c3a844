"""The rules of the house, read off the source: layers, the form of backward functions, and what is bound upwards."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import clumsygrad as cg

PACKAGE = Path(cg.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py"))
RULE_FILES = sorted(path for path in (PACKAGE / "grad").glob("*.py") if not path.name.startswith("_"))

# The 29 backward functions whose names and signature are fixed.
FIXED_RULES = (
    ("transpose", "add", "add_scalar", "sub", "sub_scalar", "mul", "mul_scalar", "matmul", "power", "negate", "abs", "reshape")
    + ("sum", "mean", "exp", "log", "sqrt", "sin", "cos", "tan", "relu", "sigmoid", "tanh", "softmax", "mse", "mae")
    + ("add_broadcast", "sub_broadcast", "mul_broadcast")
)

# What operations serve Tensor with: the references of the package that run upwards.
REFLECTED_TOO = {"add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"}
BOUND_NAMES = {f"__{prefix}{name}__" for name in REFLECTED_TOO for prefix in ("", "r", "i")}
BOUND_NAMES |= {"__neg__", "__pos__", "__abs__", "__invert__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
BOUND_NAMES |= {
    "__array_ufunc__",
    "__array_function__",
    "real",
    "imag",
    "reshape",
    "transpose",
    "swapaxes",
    "squeeze",
    "flatten",
    "ravel",
}
BOUND_NAMES |= {
    "astype",
    "copy",
    "tolist",
    "conj",
    "conjugate",
    "clip",
    "round",
    "dot",
    "sum",
    "prod",
    "mean",
    "std",
    "var",
    "max",
    "min",
}
BOUND_NAMES |= {"argmax", "argmin", "cumsum", "cumprod", "any", "all"}
BOUND_NAMES |= {
    "trace",
    "diagonal",
    "repeat",
    "take",
    "compress",
    "choose",
    "argsort",
    "searchsorted",
    "nonzero",
    "itemsize",
    "nbytes",
}
BOUND_NAMES |= {"__divmod__", "__rdivmod__", "__round__", "_beside", "_mask"}
BOUND_NAMES |= {
    "T",
    "mT",
    "to",
    "to_device",
    "__array_namespace__",
    "__getitem__",
    "_getitem",
    "_imag",
    "_real",
    "_assign",
    "_overwrite",
    "_astype",
    "_moved",
    "_note_memory",
}
BOUND_NAMES |= {"_reshaped", "_permuted", "_matrix_transposed", "_summed"}
BOUND_NAMES |= {"_times_adjoint", "_adjoint_times", "_times_slope_of_tanh", "_sum_of_rows", "_convolve", "_correlate"}

# What a module may import of the package; a key that ends in "." speaks for all modules below it, the longest key that fits counts.
LAYERS = {
    "xp": set(),
    "engine": set(),
    "_modes": set(),
    "_exits": set(),
    "_operators": set(),
    "_views": {"xp"},
    "_versions": {"_keys", "_modes", "_views", "engine", "xp"},
    "_tree": set(),
    "_hooks": {"xp", "_gradients"},
    "_transfer": {"xp"},
    "_vectors": {"xp", "_transfer"},
    "_gradients": {"xp", "lean", "_kernels"},
    "_keys": {"xp", "_modes", "_scatter"},
    "lean": {"xp", "_cublas", "_cupy", "_elements", "_kernels"},
    "_cupy": {"xp"},
    "_philox": {"xp"},
    "_kernels": {"xp"},
    "_elements": {"xp", "_kernels", "_philox"},
    "_scatter": {"xp", "_kernels"},
    "_steps": {"xp", "_kernels"},
    "_cublas": {"xp", "_kernels"},
    "_layers": {"xp", "lean", "_cublas", "_elements", "_kernels", "_philox"},
    "_windows": {"xp", "lean", "_keys", "_kernels", "_scatter"},
    "_sliding": {"xp", "lean", "_keys", "_windows"},
    "_fourier": {"xp"},
    "_pieces": {"xp", "lean", "_elements"},
    "_sorting": {"xp"},
    "_beyond": {"xp", "lean"},
    "_cholesky": {"xp", "_beyond"},
    "_special": {"xp", "_transfer", "lean"},
    "_incomplete": {"xp", "_special"},
    "grad._read": {"xp", "lean"},
    "grad._parts": {"xp", "_keys", "grad._read"},
    "grad.": {
        "xp",
        "_transfer",
        "lean",
        "_keys",
        "_beyond",
        "_cholesky",
        "_fourier",
        "_pieces",
        "_sorting",
        "_layers",
        "_windows",
        "_sliding",
        "_special",
        "_incomplete",
        "_elements",
        "_kernels",
        "grad._parts",
        "grad._read",
    },
    "tensor": {"engine", "_exits", "xp", "_transfer", "_modes", "_operators", "_versions", "_views", "_gradients", "_hooks"},
    "_operands": {"tensor", "xp", "_transfer"},
    "_rules": {"_operands", "tensor", "engine", "xp"},
    "_makers": {"_operands", "_versions", "tensor", "xp", "_modes"},
    "_operation": {"_makers", "_rules", "tensor"},
    "forward.": {
        "_operation",
        "grad",
        "tensor",
        "xp",
        "_transfer",
        "lean",
        "_keys",
        "_fourier",
        "_pieces",
        "_sorting",
        "_modes",
        "_layers",
        "_windows",
        "_sliding",
        "_elements",
        "_kernels",
    },
    "forward.indexing": {"_operation", "grad", "tensor", "xp", "_transfer", "_keys", "_versions", "_views"},
    "forward.views": {"tensor", "xp", "_views"},
    "forward.linalg": {"_operation", "_operands", "grad", "xp", "lean", "_modes", "_beyond", "_cholesky"},
    "forward.decompositions": {"_operation", "grad", "tensor", "xp", "_modes", "_beyond"},
    "forward.special": {"_operation", "grad", "xp", "_special"},
    "forward.gamma": {"_operation", "grad", "xp", "_special", "_incomplete"},
    "forward.bessel": {"_operation", "grad", "xp", "_special"},
    "forward.distributions": {"_operation", "grad", "xp", "_special"},
    "integrations": {"integrations.einops", "integrations.scipy_fft"},
    "integrations.einops": {"tensor", "xp"},
    "integrations.scipy_fft": {"tensor", "xp"},
    "integrations.scipy_special": {"special"},
}
# Modules of functions that are composed of other operations, and so may import those.
COMPOSED = {"forward.composed", "forward.distributions", "forward.einsum", "forward.statistics", "forward.views"}
ARRAY_LIBRARIES = {
    "numpy", "cupy", "cupyx", "torch", "jax", "jaxlib", "dask", "scipy", "array_api_strict", "array_api_compat", "array_api_extra",
}  # fmt: skip
KNOW_LIBRARIES = {
    "xp",
    "_transfer",
    "lean",
    "_fourier",
    "_pieces",
    "_beyond",
    "_cholesky",
    "_special",
    "_windows",
    "protocols",
    "_elements",
    "_kernels",
    "_cublas",
    "_scatter",
    "_steps",
}


def module_name(path):
    """ "grad.elementwise" for clumsygrad/grad/elementwise.py, "grad" for its __init__, "" for the package's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


MODULES = {module_name(path): path for path in FILES}


def is_type_checking(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_of(path, *, of_types=False):
    """The absolute names that a file imports when it is run; with `of_types`, also those for type checkers alone."""
    package = ["clumsygrad", *path.relative_to(PACKAGE).parts[:-1]]
    names = []
    stack = [tree_of(path)]
    while stack:
        node = stack.pop()
        if is_type_checking(node) and not of_types:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            names += [f"{base}.{alias.name}" for alias in node.names]
        stack += list(ast.iter_child_nodes(node))
    return names


def own_imports_of(path):
    """The modules of the package that a file imports."""
    found = set()
    for name in imports_of(path):
        root, _, rest = name.partition(".")
        if root == "clumsygrad":
            while rest and rest not in MODULES:
                rest = rest.rpartition(".")[0]
            found.add(rest)
    return found


def layer_of(name):
    fitting = [key for key in LAYERS if name == key or (key.endswith(".") and name.startswith(key))]
    return LAYERS[max(fitting, key=len)] if fitting else None


def rules_in(path):
    return [node for node in tree_of(path).body if isinstance(node, ast.FunctionDef) and node.name.endswith("_backward")]


ALL_RULES = [pytest.param(path, node, id=node.name) for path in RULE_FILES for node in rules_in(path)]


# Backward functions -----------------------------------------------------------------------------------------------------------------


def test_there_are_rules():
    assert len(RULE_FILES) >= 8
    assert len(ALL_RULES) >= 60


@pytest.mark.parametrize("name", FIXED_RULES)
def test_the_fixed_rules_exist(name):
    rule = getattr(cg.grad, f"{name}_backward")
    assert list(inspect.signature(rule).parameters) == ["tensor", "grad"]
    assert rule.__module__.startswith("clumsygrad.grad.")


def test_there_are_29_fixed_rules():
    assert len(set(FIXED_RULES)) == 29
    assert cg.grad.GradientTuple is not None


@pytest.mark.parametrize(("path", "node"), ALL_RULES)
def test_a_rule_has_its_two_parameters_and_its_formula(path, node):
    assert ast.unparse(node.args) in ("tensor: Tensor, grad: Array", "tensor, grad")
    assert not node.decorator_list
    documentation = ast.get_docstring(node)
    assert documentation, "no docstring"
    first = unicodedata.normalize("NFD", documentation.splitlines()[0])
    assert "=" in first, "no equation in its first line"
    assert "\N{COMBINING MACRON}" in first or "gradient" in first, "no adjoint in its first line"


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_a_rule_is_exported_and_nothing_else_is(path):
    (exported,) = [
        ast.literal_eval(node.value)
        for node in tree_of(path).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
    ]
    assert sorted(exported) == sorted(node.name for node in rules_in(path))


def test_the_calculus_has_no_lambdas_and_no_functions_in_functions():
    for path in [*RULE_FILES, PACKAGE / "grad" / "_read.py"]:
        for node in ast.walk(tree_of(path)):
            assert not isinstance(node, ast.Lambda), f"{path.name}:{node.lineno}"
            if isinstance(node, ast.FunctionDef):
                inner = [n.name for n in ast.walk(node) if isinstance(n, ast.FunctionDef) and n is not node]
                assert not inner, f"{path.name}: {node.name} contains {inner}"


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_the_namespace_comes_from_the_gradient_alone(path):
    """A rule asks `grad`; a private helper is handed the namespace. (Positions of elements are computed on raw operands.)"""
    for function in [node for node in tree_of(path).body if isinstance(node, ast.FunctionDef)]:
        parameters = {argument.arg for argument in function.args.args}
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and "namespace" in node.func.id:
                asked = ast.unparse(node)
                allowed = {"array_namespace(grad)"}
                if path.name == "indexing.py":
                    allowed |= {"array_namespace(x)", "array_namespace(key)"}
                assert asked in allowed, f"{function.name}: {asked}"
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(target, ast.Name) and target.id == "xp" for target in targets):
                    assert ast.unparse(node.value).startswith("array_namespace("), function.name
        uses = any(isinstance(node, ast.Name) and node.id == "xp" for node in ast.walk(function))
        asks = "array_namespace(" in ast.unparse(function)
        assert not uses or asks or ("xp" in parameters and function.name.startswith("_")), function.name


def dotted(node):
    """ "linalg.inv" for the node of `xp.linalg.inv`; None for what does not start with xp."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join(reversed(names)) if isinstance(node, ast.Name) and node.id == "xp" and names else None


def names_used_in(path):
    return {name for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute) and (name := dotted(node))}


@pytest.mark.parametrize("path", [*RULE_FILES, PACKAGE / "grad" / "_read.py"], ids=lambda path: path.name)
@pytest.mark.parametrize("library", ["numpy", "array_api_strict"])
def test_the_calculus_is_closed(path, library):
    """Everything that a backward function calls is itself one of the namespace's differentiable functions."""
    pytest.importorskip(library)
    missing = []
    for name in names_used_in(path):
        found = cg.over(library)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is None:
            missing.append(name)
    assert not missing


def test_names_in_the_calculus_are_found_by_this_test():
    """So that the one above cannot pass by finding nothing."""
    used = set().union(*[names_used_in(path) for path in RULE_FILES])
    assert {"where", "reshape", "sum", "exp"} <= used


# Imports ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_layers(path):
    name, own = module_name(path), own_imports_of(path)
    layer = layer_of(name)
    if layer is not None:
        own = {x for x in own if not (x.startswith("forward.") and name in COMPOSED)}
        assert own <= layer, f"{name} imports {sorted(own - layer)}"
    assert name == "" or "" not in own, f"{name} imports the package itself"


@pytest.mark.parametrize("path", [*RULE_FILES, PACKAGE / "grad" / "_read.py"], ids=lambda path: path.name)
def test_the_calculus_imports_nothing_else(path):
    floor = (
        "xp",
        "_transfer",
        "lean",
        "_keys",
        "_fourier",
        "_beyond",
        "_cholesky",
        "_special",
        "_incomplete",
        "_layers",
        "_windows",
        "_sliding",
        "grad._parts",
        "grad._read",
    )
    allowed = tuple(f"clumsygrad.{name}." for name in floor)
    allowed += ("clumsygrad.lean", "clumsygrad._pieces", "clumsygrad._sorting", "clumsygrad._windows")
    allowed += ("clumsygrad._elements", "clumsygrad._kernels")
    for name in imports_of(path):
        assert name.startswith(allowed) or name.partition(".")[0] in sys.stdlib_module_names, name
    for name in set(imports_of(path, of_types=True)) - set(imports_of(path)):
        assert name == "clumsygrad.tensor.Tensor"


def test_there_are_no_cycles():
    graph = {name: own_imports_of(path) - {name} for name, path in MODULES.items()}
    assert graph["tensor"], "found no imports at all"
    done = set()
    while len(done) < len(graph):
        free = {name for name, needs in graph.items() if name not in done and needs <= done}
        assert free, f"a cycle among {sorted(set(graph) - done)}"
        done |= free


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_array_libraries_are_imported_in_few_places(path):
    name = module_name(path)
    if name not in KNOW_LIBRARIES and not name.startswith("integrations"):
        foreign = {x for x in imports_of(path, of_types=True) if x.partition(".")[0] in ARRAY_LIBRARIES}
        assert not foreign


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_is_imported_inside_a_function(path):
    for function in ast.walk(tree_of(path)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                assert not isinstance(node, (ast.Import, ast.ImportFrom)), f"{path.name}:{node.lineno}, in {function.name}"
    if module_name(path) != "xp":
        assert not {name for name in imports_of(path) if name.startswith("importlib")}
        assert "__import__(" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_module_says_what_it_is(path):
    if path.read_text(encoding="utf-8").strip():
        assert ast.get_docstring(tree_of(path))


# Upward references ------------------------------------------------------------------------------------------------------------------


def bound_names():
    names = []
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.keyword) and node.arg == "serves" and isinstance(node.value, ast.Tuple):
                names += ast.literal_eval(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Tensor._bind" and isinstance(node.args[0], ast.Constant):
                names.append(node.args[0].value)
    return names


def test_the_bound_names_are_the_listed_ones():
    found = bound_names()
    assert len(found) == len(set(found)), "a name is bound twice"
    assert set(found) == BOUND_NAMES


def test_attributes_of_tensors_are_looked_up_by_nothing_of_ours():
    """A `__getattr__` or `__getattribute__` of the class makes each of them twice as slow, those that are there too."""
    assert not {"__getattr__", "__getattribute__"} & set(vars(cg.Tensor))


def test_the_bound_names_are_there():
    missing = [name for name in BOUND_NAMES if name not in vars(cg.Tensor)]
    assert not missing


# Operations that no user calls by name: gradients of others, and what the fixed names stand for.
NOBODYS = {"times_adjoint", "adjoint_times", "times_slope_of_tanh", "sum_of_rows", "zero", "attention", *FIXED_RULES}


def test_notes_name_operations_as_users_call_them():
    """A note has the name of the decorated function, without the _ of a private one, or of the rule: that of what was called."""
    theirs = (np, np.linalg, np.lib.stride_tricks, cg, cg.linalg, cg.fft, cg.special, cg.nn, cg.func, cg.Tensor)
    names = {name.removesuffix("_backward") for name in dir(cg.grad) if name.endswith("_backward")}
    for path in FILES:
        for node in tree_of(path).body:
            if isinstance(node, ast.FunctionDef) and any("operation(" in ast.unparse(d) for d in node.decorator_list):
                names.add(node.name.lstrip("_"))
    internal = {name for name in names if not any(hasattr(x, name) or hasattr(x, f"__{name}__") for x in theirs)}
    assert internal <= NOBODYS


def test_operations_read_as_the_style_says():
    """An operation computes one thing: its body, besides its docstring, is short."""
    for path in sorted((PACKAGE / "forward").glob("*.py")):
        if module_name(path) in COMPOSED:
            continue
        for node in tree_of(path).body:
            if isinstance(node, ast.FunctionDef) and any("operation" in ast.unparse(d) for d in node.decorator_list):
                body = [x for x in node.body if not (isinstance(x, ast.Expr) and isinstance(x.value, ast.Constant))]
                lines = sum(x.end_lineno - x.lineno + 1 for x in body)
                assert lines <= 15, f"{path.name}: {node.name} has {lines} lines"
