"""The registry of models, and the public names that are imported when they are first asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import unrolled
from unrolled import models
from unrolled.errors import CheckpointError
from unrolled.storage import Unit, write_unit

HOME = Path(unrolled.__file__).parent.parent


def test_every_kind_is_that_of_its_class():
    assert {kind: getattr(models, name).kind for kind, name in models.MODELS.items()} == {
        kind: kind for kind in models.MODELS
    }
    assert set(models.MODELS.values()) == set(models.HOMES)


@pytest.mark.parametrize("module", [unrolled, models])
def test_every_public_name_is_there_and_listed(module):
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(unrolled.__all__) <= set(dir(unrolled))
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'Perceptron'"):
        _ = module.Perceptron


def test_layers_alone_load_neither_models_nor_training():
    code = "import sys, unrolled; print([name for name in sys.modules if 'models' in name or 'training' in name])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(HOME)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_kind_that_is_not_known_is_named(tmp_path):
    write_unit(tmp_path, Unit({"kind": "oracle"}, {"config": {}}, {"weights": {}}))
    with pytest.raises(CheckpointError, match="holds a model of kind 'oracle', expected one of char_lm, "):
        models.load(tmp_path)
