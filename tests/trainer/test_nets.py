import math
from dataclasses import replace

import pytest
import torch

from coop_runtime import CoopError
from coop_trainer.config import configure
from coop_trainer.nets import (
    Branch,
    Descriptor,
    Draw,
    Generator,
    Layer,
    pack_latents,
    unpack_latents,
)
from coop_trainer.nets.layers import halved
from coop_trainer.presets import load_preset, preset_names


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_one_code_for_one_two_and_three_dimensions(dims: int) -> None:
    config = configure(load_preset("texture", "quick"))
    f_config = replace(
        config.descriptor, branches=(Branch(1, (Layer(4, 6, 2),)), Branch(2, (Layer(4, 4, 2),)))
    )
    levels = (Layer(5, 3), Layer(4, 3, 2), Layer(3, 3, 2))
    g_config = replace(config.generator, levels=levels, latents=(2, 1, 1))
    f = Descriptor(f_config, channels=2, dims=dims)
    g = Generator(g_config, channels=2, dims=dims)
    assert g.latent_channels == 2 + 2**dims + 4**dims
    cells = (2, 3, 4)[:dims]
    x = g(torch.randn(3, g.latent_channels, *cells))
    assert x.shape == (3, 2, *(4 * c for c in cells))
    assert f(x).shape == (3,)
    assert x.abs().max() <= 1


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_latents_unpack_to_each_level_and_pack_again(dims: int) -> None:
    cells = (3, 2, 2)[:dims]
    z = torch.randn(2, 2 + 3 * 2**dims, *cells)
    scales = [(1,) * dims, (2,) * dims]
    coarse, fine = unpack_latents(z, (2, 3), scales)
    assert coarse.shape == (2, 2, *cells)
    assert fine.shape == (2, 3, *(2 * c for c in cells))
    assert torch.equal(pack_latents([coarse, fine], scales), z)


def test_neighbours_in_a_packed_latent_are_neighbours_in_the_level() -> None:
    z = torch.zeros(1, 4, 2, 2)
    z[0, :, 1, 0] = 1
    z = torch.cat([torch.zeros(1, 1, 2, 2), z], 1)
    (_, fine) = unpack_latents(z, (1, 1), [(1, 1), (2, 2)])
    assert torch.equal(fine[0, 0, 2:, :2], torch.ones(2, 2))
    assert fine.sum() == 4


def test_paper_preset_has_the_papers_layers() -> None:
    config = configure(load_preset("texture", "paper"))
    f = Descriptor(config.descriptor, channels=3, dims=2)
    g = Generator(config.generator, channels=3, dims=2)
    # CoopNets section 5.1: 100 15x15 / 3, 70 9x9 / 1, 30 7x7 / 1; five 5x5 deconvolutions x 2.
    sizes = [
        (100, 3, 15, 15), (70, 100, 9, 9), (30, 70, 7, 7),
    ]  # fmt: skip
    assert [tuple(p.shape) for p in f.parameters() if p.dim() == 4] == sizes
    assert sum(p.numel() for p in f.parameters()) == (
        100 * 3 * 225 + 100 + 70 * 100 * 81 + 70 + 30 * 70 * 49 + 30
    )
    deconvolutions = [tuple(p.shape) for p in g.parameters() if p.dim() == 4]
    assert deconvolutions == [
        (1, 512, 5, 5), (512, 256, 5, 5), (256, 128, 5, 5), (128, 64, 5, 5), (64, 3, 5, 5),
    ]  # fmt: skip
    assert g(torch.randn(1, 1, 7, 7)).shape == (1, 3, 224, 224)
    assert g(torch.randn(1, 1, 14, 14)).shape == (1, 3, 448, 448)
    assert (config.coopnets.langevin.reference_sd, config.coopnets.langevin.step_size) == (
        0.012,
        0.003,
    )
    x = torch.randn(2, 3, 24, 24)
    maps = f.columns[0](x)
    assert maps.shape == (2, 30, 8, 8)
    torch.testing.assert_close(f(x), maps.flatten(1).sum(1), rtol=1e-5, atol=1e-4)


def test_f_is_extensive_with_volume_weighting() -> None:
    torch.manual_seed(0)
    config = replace(
        configure(load_preset("texture", "quick")).descriptor, standardise="off", band=0
    )
    f = Descriptor(config, channels=1, dims=2)
    side = 8 * f.strides[0]
    x = torch.zeros(1, 1, side, side)
    for p in f.parameters():
        if p.dim() == 1:
            torch.nn.init.normal_(p)
    # Two rims and n squares side by side: each more square adds the same.
    one, two, three = (f(torch.zeros(1, 1, side, n * side)).item() for n in (1, 2, 3))
    assert three - two == pytest.approx(two - one, rel=1e-4)
    assert f(x).item() == pytest.approx(
        f.density(x).item() * config.gain * math.prod(x.shape), rel=1e-5
    )


def test_energy_adds_the_gaussian_reference() -> None:
    f = Descriptor(configure(load_preset("texture", "quick")).descriptor, channels=1, dims=2)
    x = torch.rand(2, 1, *f.strides)
    torch.testing.assert_close(f.energy(x, None), -f(x))
    expected = -f(x).double() + x.double().flatten(1).square().sum(1) / (2 * 0.1**2)
    torch.testing.assert_close(f.energy(x, 0.1).double(), expected, rtol=1e-4, atol=1e-4)


def test_circular_generator_draws_what_can_be_tiled() -> None:
    config = configure(load_preset("texture", "quick")).generator
    g = Generator(config, channels=1, dims=2).eval()
    z = torch.randn(1, g.latent_channels, 4, 4)
    rolled = g(torch.roll(z, (1, 2), (2, 3)))
    torch.testing.assert_close(rolled, torch.roll(g(z), (16, 32), (2, 3)))


@pytest.mark.parametrize("preset", preset_names("texture"))
def test_presets_are_complete_and_small(preset: str) -> None:
    config = configure(load_preset("texture", preset))
    assert config.preset == preset
    g = Generator(config.generator, channels=1, dims=2)
    crop = config.data.crop_shape(2)
    assert crop is not None
    assert g.cells(crop) == {"quick": (4, 4), "paper": (7, 7)}[preset]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("descriptor.branches=[]", "at least one"),
        ("descriptor.branches=[{pool=0,layers=[[1,1,1]]}]", "pool"),
        ("descriptor.gain=0.0", "gain"),
        ("generator.latents=[0,1,1,1,1]", "latents"),
        ("generator.levels=[[4,3]]", "as many"),
        ("generator.draw=[4]", r"generator.draw: kernel 4, stride 1: expected an odd"),
    ],
)
def test_impossible_networks_are_refused_in_one_line(pair: str, message: str) -> None:
    with pytest.raises(CoopError, match=message):
        configure(load_preset("texture", "quick"), pairs=[pair])


def test_calibration_gives_what_the_columns_see_mean_zero_and_variance_one() -> None:
    config = configure(load_preset("texture", "quick")).descriptor
    torch.manual_seed(0)
    offsets = torch.tensor([0.3, -0.5])[:, None, None]
    pictures = [offsets + 0.1 * torch.randn(2, 96, 128), offsets + 0.1 * torch.randn(2, 64, 64)]
    f = Descriptor(replace(config, standardise="bands", band=5), channels=2, dims=2)
    f.calibrate(pictures)
    for k, branch in enumerate(config.branches):
        seen = torch.cat([f._band(branch, p[None] - f.mean).flatten() for p in pictures])
        assert (seen * f.scales[k]).std().item() == pytest.approx(1, rel=1e-4)
        assert abs(seen.mean().item()) < 1e-3
    again = Descriptor(f.config, channels=2, dims=2)
    again.load_state_dict(f.state_dict())
    assert torch.equal(again.scales, f.scales)
    whole = Descriptor(replace(config, standardise="picture"), channels=2, dims=2)
    whole.calibrate(pictures)
    torch.testing.assert_close(whole.scales, torch.full((4,), 10.0), rtol=0.02, atol=0)


def test_bands_hide_the_local_mean_from_all_but_the_coarsest_branch() -> None:
    config = replace(
        configure(load_preset("texture", "quick")).descriptor, standardise="off", band=5
    )
    f = Descriptor(config, channels=1, dims=2)
    x = torch.full((1, 1, 64, 64), 0.7)
    for branch in config.branches:
        inside = f._band(branch, x)[..., 3:-3, 3:-3].abs().max().item()
        assert inside == pytest.approx(0.7 if branch.pool == 8 else 0, abs=1e-6)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_blurred_branches_have_gradients_without_steps(dims: int) -> None:
    """Over a coarse branch's blocks ∇f is flat, with jumps between; blurred it is not."""
    torch.manual_seed(0)
    config = replace(
        configure(load_preset("texture", "quick")).descriptor,
        branches=(Branch(4, (Layer(8, 3),)),), standardise="off", band=0,
    )  # fmt: skip
    x = 0.1 * torch.randn(1, 1, *(32,) * dims)
    jumps, reaches = {}, {}
    for blur in (False, True):
        torch.manual_seed(1)
        f = Descriptor(replace(config, blur=blur), channels=1, dims=dims)
        start = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(f(start).sum(), start)
        steps = gradient.diff(dim=2).abs()[:, :, 8:-8]
        jumps[blur] = (steps.amax() / gradient.abs().amax()).item()
        reaches[blur] = f.reach[0]
    assert jumps[True] < jumps[False] / 3
    assert reaches[True] == reaches[False] + 2 * 3


def test_halving_keeps_means_and_needs_powers_of_two() -> None:
    x = torch.ones(1, 2, 32, 48)
    small = halved(x, 8)
    assert small.shape == (1, 2, 4, 6)
    torch.testing.assert_close(small[..., 1:-1, 1:-1], torch.ones(1, 2, 2, 4))
    assert halved(x, 1) is x
    config = configure(load_preset("texture", "quick")).descriptor
    with pytest.raises(CoopError, match="pool = 1, 2, 4, 8"):
        replace(config, blur=True, branches=(Branch(3, (Layer(8, 3),)),))


def test_a_calibrated_generator_starts_near_the_pictures() -> None:
    config = configure(load_preset("texture", "quick")).generator
    g = Generator(replace(config, calibrated=True), channels=1, dims=2)
    torch.manual_seed(0)
    g.calibrate([0.4 + 0.2 * torch.randn(1, 64, 64)])
    x = g(torch.randn(4, g.latent_channels, 4, 4))
    assert x.mean().item() == pytest.approx(0.4, abs=0.1)
    assert 0.02 < x.std().item() < 0.3


PRESETS = [("texture", "quick"), ("texture", "paper"), ("sound", "quick"), ("clips", "quick")]


@pytest.mark.parametrize(("kind", "name"), PRESETS)
@pytest.mark.parametrize("method", ["coopnets", "abp"])
def test_reach_of_a_generator(kind: str, name: str, method: str) -> None:
    dims = {"texture": 2, "sound": 1, "clips": 3}[kind]
    config = configure({**load_preset(kind, name), "method": method})
    g = Generator(config.generator, channels=1, dims=dims).double().eval()
    reach = g.reach[0]
    cells = 2 * reach + 3
    z = torch.zeros(1, g.latent_channels, cells, *(1,) * (dims - 1), dtype=torch.double)
    z[:, :, reach + 1] = math.nan  # which spreads to all that depends on it, and no further
    with torch.no_grad():
        touched = _rows(g(z).isnan())
    of_cells = touched.reshape(cells, g.strides[0]).any(1).nonzero().flatten() - reach - 1
    assert of_cells.abs().max() == reach
    z = torch.zeros_like(z)
    z[:, :, 0] = math.nan
    with torch.no_grad():
        assert bool(_rows(g(z).isnan())[-1]) == (g.wraps and reach > 0)


@pytest.mark.parametrize(("kind", "name"), PRESETS)
def test_reach_of_an_energy_s_gradient(kind: str, name: str) -> None:
    torch.manual_seed(0)
    dims = {"texture": 2, "sound": 1, "clips": 3}[kind]
    config = replace(configure(load_preset(kind, name)).descriptor, activation="silu")
    f = Descriptor(config, channels=1, dims=dims).double().eval()
    reach, step = f.reach[0], f.strides[0]
    half = -(-(reach + step) // step) * step
    others = f.strides[1:] if kind != "clips" else (64, 64)
    x = 0.1 * torch.randn(1, 1, 2 * half + step, *others, dtype=torch.double)

    def gradient(x: torch.Tensor) -> torch.Tensor:
        x = x.clone().requires_grad_()
        return torch.autograd.grad(f(x).sum(), x)[0]

    before, far = gradient(x), 0
    for k in range(step):  # the reach depends on the place within a block
        moved = x.clone()
        moved[:, :, half + k] += 1.0
        touched = _rows(gradient(moved) != before).nonzero().flatten() - half - k
        far = max(far, int(touched.abs().max()))
    assert far <= reach < far + max(8, max(branch.pool for branch in config.branches) ** 2)


def _rows(found: torch.Tensor) -> torch.Tensor:
    """Along the first spatial axis: whether there is any."""
    return found.flatten(3).any(-1)[0, 0] if found.dim() > 3 else found[0, 0]


def test_a_first_level_of_kernel_and_stride_4_projects_before_nearest_up_sampling() -> None:
    config = replace(
        configure(load_preset("images", "quick")).generator,
        levels=(Layer(6, 4, 4), Layer(5, 3, 2)),
        draw=Draw(3, 2),
        latents=(7, 0),
        upsampling="nearest",
    )
    g = Generator(config, channels=3, dims=2)
    z = torch.randn(2, 7, 1, 1)
    assert g(z).shape == (2, 3, 16, 16)
    projection, second = (next(level.children()) for level in g.levels)
    assert isinstance(projection, torch.nn.ConvTranspose2d)
    assert isinstance(second, torch.nn.Conv2d)
    expected = torch.einsum("nc,cfhw->nfhw", z[:, :, 0, 0], projection.weight)
    bias = projection.get_parameter("bias")
    torch.testing.assert_close(projection(z), expected + bias[:, None, None])
    assert g.reach == (1, 1)
