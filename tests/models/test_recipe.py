"""The weights and the recipe that makes them: no patient on both sides, nothing mislabelled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.errors import UsageError
from fasciaseg.fractures.outliner import BACK_MM, DOWN_MM
from fasciaseg.pipeline import default_model
from fasciaseg_models import outliner_path

MODELS = Path(__file__).resolve().parents[2] / "models"
Recipe = Callable[[str], ModuleType]
SCRIPTS = sorted(
    path.relative_to(MODELS)
    for path in MODELS.glob("*/*.py")
    if '__name__ == "__main__"' in path.read_text()
)


def weights(models: Path) -> list[Path]:
    return [default_model(), *sorted((models / "folds").glob("fold-*.onnx"))]


def outliners(models: Path) -> list[Path]:
    return [outliner_path(), *sorted((models / "folds").glob("outliner-*.onnx"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_every_script_runs_from_where_it_lies(script: Path) -> None:
    """As the documentation calls it, without a path set."""
    if script.parent.name == "training" and not script.name.startswith("validate"):
        pytest.importorskip("torch", reason="only the training recipe needs torch")
        pytest.importorskip("onnx", reason="only the training recipe needs onnx")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, str(MODELS / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_the_weights_are_small_and_of_one_kind(models: Path) -> None:
    import onnxruntime

    for path in weights(models):
        assert path.stat().st_size <= 5 * 2**20, path
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (given_,), (answered,) = session.get_inputs(), session.get_outputs()
        assert (given_.name, answered.name) == ("slice", "probabilities")
        assert answered.shape[1] == 7
        x = np.random.default_rng(0).normal(0, 1, (1, 1, 64, 48)).astype(np.float32)
        (p,) = session.run(None, {"slice": x})
        assert p.shape == (1, 7, 64, 48)
        assert (p.min() >= 0) & (p.max() <= 1)


@pytest.mark.parametrize("wrong", ["input", "shape"])
def test_a_network_of_another_kind_is_named(tmp_path: Path, wrong: str) -> None:
    onnx = pytest.importorskip("onnx", reason="only the training recipe needs onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    name = "image" if wrong == "input" else "slice"
    shape = ["n", 7, "rows", "columns"] if wrong == "input" else []
    graph = helper.make_graph(
        [
            helper.make_node("Concat", [name] * 7, ["probabilities"], axis=1)
            if wrong == "input"
            else helper.make_node("ReduceSum", [name], ["probabilities"], keepdims=0)
        ],
        "other",
        [helper.make_tensor_value_info(name, real, ["n", 1, "rows", "columns"])],
        [helper.make_tensor_value_info("probabilities", real, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UsageError, match="not a localizer") as caught:
        Localizer(tmp_path / "other.onnx").run(np.zeros((1, 1, 16, 16), np.float32))
    assert caught.value.code == "bad_model"


def test_the_outliners_are_small_and_of_one_kind(models: Path) -> None:
    import onnxruntime

    assert len(outliners(models)) == 5
    for path in outliners(models):
        assert path.stat().st_size <= 2**18, path
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        x = np.random.default_rng(0).normal(0, 1, (3, 1, len(DOWN_MM), len(BACK_MM)))
        (p,) = session.run(None, {"slice": x.astype(np.float32)})
        assert p.shape == (3, 1, len(DOWN_MM), len(BACK_MM))
        assert (p.min() >= 0) & (p.max() <= 1)


def test_the_shipped_weights_are_the_packages_own() -> None:
    import fasciaseg_models

    assert default_model() == fasciaseg_models.localizer_path()
    assert default_model().parent == Path(fasciaseg_models.__file__).parent


names = st.lists(st.text("abc0123-", min_size=1, max_size=6), min_size=1, max_size=40)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(patients=names)
def test_a_patient_is_in_one_fold(recipe: Recipe, patients: list[str]) -> None:
    """However often and in whatever order the scans of a patient stand in the list."""
    fold_of = recipe("folds").fold_of
    folds = {p: fold_of(p, patients) for p in patients}
    assert folds == {p: fold_of(p, [*reversed(patients), *patients]) for p in patients}
    sizes = Counter(folds.values())
    assert set(sizes) <= set(range(recipe("folds").FOLDS))
    assert max(sizes.values()) - min(sizes.get(k, 0) for k in range(4)) <= 1


def test_every_fold_holds_every_source(recipe: Recipe, shared: Path) -> None:
    cases = json.loads((shared / "mri" / "cases.json").read_text())
    patients = [c["patient"] for c in cases]
    fold_of = recipe("folds").fold_of
    for source in {c["source"] for c in cases}:
        mine = {c["patient"] for c in cases if c["source"] == source}
        folds = Counter(fold_of(p, patients) for p in mine)
        assert len(folds) == min(4, len(mine)), source


def test_exams_belong_to_a_labelled_patient(recipe: Recipe, shared: Path) -> None:
    """Or the wrong fold would be asked, one that has seen the exam's patient."""
    patient_of = recipe("validate_exams").patient_of
    patients = {c["patient"] for c in json.loads((shared / "mri" / "cases.json").read_text())}
    for exam in json.loads((shared / "exams" / "truth.json").read_text()):
        assert patient_of(exam) in patients, exam


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    shape=st.sampled_from(["wedge", "biconcave", "crush"]),
    loss=st.floats(0.0, 0.85),
    back=st.floats(-30, 30),
)
def test_a_body_is_broken_by_what_is_asked(
    recipe: Recipe, shape: str, loss: float, back: float
) -> None:
    """End plates meet their old places at the height that is left, and nothing folds over."""
    height, depth = 26.0, 34.0
    u = np.linspace(-60, 60, 601)
    crush = recipe("crush")
    source = crush.source_of(u, np.full(601, back), (height, depth), loss, shape)
    again = crush.seen_at(source, np.full(601, back), (height, depth), loss, shape)
    assert again == pytest.approx(u)
    assert (np.diff(source) > 0).all()
    assert source[300] == 0
    share = {"wedge": 0.5 - back / depth, "biconcave": 1 - (2 * back / depth) ** 2, "crush": 1}
    left = height * (1 - loss * min(max(share[shape], 0), 1))
    assert np.interp(left / 2, u, source) == pytest.approx(height / 2, abs=0.3)
    if shape == "biconcave" or loss == 0:
        assert source[-1] == pytest.approx(60), "the next body stays in its place"


def test_phantom_samples_are_labelled_right(recipe: Recipe) -> None:
    data = recipe("data")
    samples = recipe("phantoms").phantom_samples(6, seed=1)
    assert len(samples) == 6
    for s in samples:
        assert s.image.shape == s.targets.shape == s.known.shape == s.instances.shape
        assert np.isfinite(s.image).all()
        assert s.image.min() >= 0
        body = (s.targets & data.BODY) > 0
        assert np.array_equal(body, s.instances > 0)
        assert not (body & ((s.targets & data.S1_BODY) > 0)).any(), "S1 is no presacral body"
        assert (((s.targets & data.L5) > 0) <= body).all()
        for r, c in s.centers:
            assert s.instances[round(r), round(c)] > 0
        fat = np.argwhere((s.targets & data.SUBCUTANEOUS) > 0)
        seen = ~np.isnan(s.fascia[fat[:, 0]])
        behind = fat[seen, 1] - s.fascia[fat[seen, 0]]
        assert np.percentile(behind, 1) > -2 if len(behind) else True


def test_phantom_samples_come_from_their_seed(recipe: Recipe) -> None:
    make = recipe("phantoms").phantom_samples
    a, b, c = make(2, seed=5), make(2, seed=5), make(2, seed=6)
    assert all(np.array_equal(x.image, y.image) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0].image.shape, c[0].image.shape) or not np.array_equal(
        a[0].image, c[0].image
    )


def test_the_outliner_learns_from_whole_and_broken_bodies(recipe: Recipe) -> None:
    pytest.importorskip("torch", reason="only the training recipe needs torch")
    example = recipe("bodies").example
    (sample, _) = recipe("phantoms").phantom_samples(2, seed=3, pixel_mm=1.0)
    found = list(recipe("frames").bodies_of(sample))
    assert len(found) >= 3
    rng = np.random.default_rng(0)
    for body in found:
        height, depth = body.size_mm
        areas = []
        for _ in range(12):
            x, target = example(sample, body, rng)
            assert x.shape == target.shape == (len(DOWN_MM), len(BACK_MM))
            assert np.isfinite(x).all()
            assert set(np.unique(target)) <= {0, 1}
            areas.append(target.sum())
        assert max(areas) < 2 * height * depth
        assert min(areas) < 0.8 * max(areas), "some are broken"


@pytest.mark.filterwarnings("ignore")
def test_the_exported_network_is_the_trained_one(recipe: Recipe, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="only the training recipe needs torch")
    pytest.importorskip("onnx", reason="only the training recipe needs onnx")
    import onnxruntime

    torch.manual_seed(0)
    net = recipe("net").LocalizerNet().eval()
    for norm in (m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(0, 0.2)
        norm.running_var.uniform_(0.5, 2.0)
    recipe("export").write_onnx(net, tmp_path / "net.onnx")
    x = torch.randn(1, 1, 32, 48)
    with torch.no_grad():
        expected = torch.sigmoid(net(x)).numpy()
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (found,) = session.run(None, {"slice": x.numpy()})
    np.testing.assert_allclose(found, expected, atol=3e-3)


def test_the_guessed_place_of_s1_is_s1(recipe: Recipe, shared: Path) -> None:
    """On the scans that label S1, the core of the guess lies on the label."""
    data = recipe("data")
    folder = shared / "mri"
    for case in data.cases(folder):
        if not case["id"].startswith("zukic"):
            continue
        _, labels, spacing = data.load_scan(folder, case)
        middle = round(float(np.mean(np.nonzero(labels)[0])))
        bodies = np.where(labels[middle] < data.S1, labels[middle], 0)
        targets = np.zeros(bodies.shape, np.uint8)
        data.guess_s1(targets, targets.copy(), bodies, spacing[1:])
        core = (targets & data.S1_BODY) > 0
        assert core.any()
        assert (labels[middle][core] == data.S1).mean() > 0.6, case["id"]
