"""Devices, the embedded probe model and the doctor."""

import builtins
import importlib.metadata
import json
from typing import Any

import onnx
import pytest

from coop_runtime import CoopError, examine, sessions
from coop_runtime.doctor import onnxruntime_distributions
from coop_runtime.probe import MATMUL
from coop_runtime.strict import encode

no_gpu = pytest.mark.skipif(sessions.cuda_devices() > 0, reason="this machine has a GPU")


def test_the_probe_is_a_valid_model() -> None:
    model = onnx.load_from_string(MATMUL)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["MatMul"]


def test_auto_is_a_device_that_works() -> None:
    expected = "cpu" if sessions.cuda_problem() else "cuda:0"
    assert sessions.choose_device("auto") == expected
    assert sessions.choose_device("cpu") == "cpu"


@no_gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_device_asked_for_by_name_is_never_replaced(
    device: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CoopError, match=f"device: '{device}' cannot be had: .*; take 'cpu'"):
        sessions.choose_device(device)
    assert capfd.readouterr() == ("", "")


@no_gpu
def test_a_driver_without_the_libraries_of_cuda(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """onnxruntime then gives a CPU session, and warns on stderr."""
    ort = sessions.onnxruntime()
    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort, "get_available_providers", lambda: available)
    monkeypatch.setattr(sessions, "cuda_devices", lambda: 1)
    with pytest.raises(CoopError, match="cannot be had"):
        sessions.choose_device("cuda")
    with pytest.raises(CoopError, match=r"this machine has 1 CUDA device\(s\), counted from 0"):
        sessions.choose_device("cuda:1")
    assert sessions.choose_device("auto") == "cpu"
    assert capfd.readouterr() == ("", "")


def test_a_cpu_build_of_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    ort = sessions.onnxruntime()
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(CoopError, match=r"is built without CUDA \(pip install 'coopnets\[gpu\]'\)"):
        sessions.choose_device("cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""])
def test_unknown_devices(device: str) -> None:
    with pytest.raises(CoopError, match="device: expected auto, cpu, cuda or cuda:N, found"):
        sessions.choose_device(device)


def without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refusing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'")
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refusing)


def test_no_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    without_onnxruntime(monkeypatch)
    with pytest.raises(CoopError, match=r"pip install 'coopnets\[cpu\]' or 'coopnets\[gpu\]'"):
        sessions.open_session(MATMUL, "cpu", sessions.SessionOptions(), "probe")
    report = examine()
    assert report.providers == ()
    assert report.timing is None
    assert "onnxruntime cannot be imported" in report.problems[0]


def test_doctor() -> None:
    report = examine()
    assert report.distributions == onnxruntime_distributions()
    assert {"python", "coopnets", "numpy", *report.distributions} <= set(report.versions)
    assert next(p.device for p in report.providers if p.works) == "cpu"
    assert report.timing is not None
    seconds = 1e-3 * report.timing.milliseconds
    assert report.timing.gflops == pytest.approx(2 * 512**3 / seconds / 1e9)
    assert json.loads(json.dumps(encode(report)))["problems"] == list(report.problems)


def test_doctor_sees_both_onnxruntimes(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"onnxruntime": ["onnxruntime-gpu", "onnxruntime", "onnxruntime"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: both)
    report = examine()
    assert report.distributions == ("onnxruntime", "onnxruntime-gpu")
    assert "onnxruntime and onnxruntime-gpu are both installed" in report.problems[0]
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in report.problems[0]
