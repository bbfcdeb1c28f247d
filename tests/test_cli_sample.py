"""`unrolled sample`: its options reach the model."""

from typer.testing import CliRunner

from unrolled.cli.app import app
from unrolled.data.text import Vocabulary
from unrolled.models import CharLM


def test_top_p_reaches_the_model(tmp_path):
    model = CharLM(Vocabulary("abcdefgh"), hidden_size=8, seed=0)
    model.save(tmp_path)
    arguments = ["sample", str(tmp_path), "--prompt", "a", "--length", "40", "--temperature", "1", "--seed", "3"]
    result = CliRunner().invoke(app, [*arguments, "--top-p", "0.4"])
    assert result.exit_code == 0
    assert result.stdout == "a" + "".join(model.sample("a", 40, top_p=0.4, seed=3)) + "\n"
    assert result.stdout != CliRunner().invoke(app, arguments).stdout
