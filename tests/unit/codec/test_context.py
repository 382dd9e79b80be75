"""Rules that the stored vectors do not show: cube flags of chroma, phases, padding."""

import torch

from latentprint.codec import context, residual

SIZE = (5, 6)  # odd height: the phases carry a padded row


def test_phases_merge_back():
    x = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    assert torch.equal(context.merge_phases(context.split_phases(x)), x)


def test_phase_order():
    x = torch.tensor([[0, 2], [3, 1]]).reshape(1, 1, 2, 2)
    assert [int(phase) for phase in context.split_phases(x)] == [0, 1, 2, 3]


def chroma(y, mask):
    psi = torch.zeros(1, 4 * y.shape[1], 3, 3)
    return context.code_chroma(y, psi=psi, mask=mask, gain=torch.ones(y.shape[1], 1, 1))


def test_skipped_chroma_with_small_errors_stays_skipped():
    y = torch.full((1, 2, *SIZE), 3.0)  # an error of exactly 3 may still be skipped
    coded = chroma(y, torch.zeros_like(y, dtype=torch.bool))
    assert coded.flags.all()
    assert not coded.mask.any()
    assert (coded.q == 0).all()


def test_one_large_error_makes_its_phase_coded_in_every_channel():
    y = torch.full((1, 2, *SIZE), 2.0)
    y[0, 1, 3, 4] = 3.5  # odd row, even column: the last phase in coding order
    coded = chroma(y, torch.zeros_like(y, dtype=torch.bool))
    # Flags stand in raster order of the parities: (0,0), (0,1), (1,0), (1,1).
    assert coded.flags.flatten().tolist() == [True, True, False, True]
    expected = torch.zeros(SIZE, dtype=torch.bool)
    expected[1::2, 0::2] = True
    assert torch.equal(coded.mask[0, 0], expected)
    assert torch.equal(coded.mask[0, 1], expected)
    assert coded.q[0, 1, 3, 4] == 4  # half rounds to even
    assert coded.q[0, 0, 1, 0] == 2
    assert coded.q[0, 0, 0, 0] == 0


def test_cubes_are_eight_positions_wide():
    error = torch.zeros(1, 1, 9, 17)
    error[0, 0, 8, 16] = 4.0
    flags = residual.cube_flags(error)
    assert flags.shape == (1, 1, 2, 3)
    assert (~flags).nonzero().tolist() == [[0, 0, 1, 2]]
    assert torch.equal(residual.spread_flags(flags, (9, 17)), error < 1)


def test_symbols_are_clipped_to_sixteen_bit():
    values = torch.tensor([1e9, -1e9, 2.5, 3.5]).reshape(1, 4, 1, 1)
    q = residual.quantise(values, torch.ones(4, 1, 1), torch.ones_like(values, dtype=torch.bool))
    assert q.flatten().tolist() == [32767, -32768, 2, 4]
