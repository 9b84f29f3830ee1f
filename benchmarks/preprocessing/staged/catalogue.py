"""What is planted in the stages, and the id that the report must give it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """A case: the input file, the two functions of ``stages.py``, and the right ids ("a|b"; "" for none)."""

    name: str
    input: str
    train: str
    serve: str
    planted: str
    expected: str


PLANTED = (
    Planted(
        "parts_rank",
        "table",
        "ranked_saved",
        "ranked_batch",
        "saved quantiles against ranks within the request",
        "per-batch-statistics",
    ),
    Planted(
        "parts_weights",
        "forest",
        "weighted_saved",
        "weighted_batch",
        "saved word weights against weights of the request",
        "per-batch-statistics",
    ),
    Planted(
        "parts_forward",
        "readings",
        "filled_saved",
        "filled_forward",
        "a constant against the row before, for missing readings",
        "per-batch-statistics",
    ),
    Planted(
        "clean_parts",
        "table",
        "own_mean",
        "own_mean_by_row",
        "clean: each row less its own mean, as a matrix and row by row",
        "",
    ),
    Planted(
        "hash_cross", "agents", "crossed_hash", "crossed_hash", "hash() of a tuple, in both", "hash-seed"
    ),
    Planted(
        "hash_set",
        "agents",
        "sorted_order",
        "set_order",
        "ids in the order of a set, in serving",
        "hash-seed",
    ),
    Planted(
        "zone_local",
        "epochs",
        "local_hour",
        "local_hour",
        "local time of the machine, in both",
        "machine-time-zone",
    ),
    Planted(
        "zone_mktime", "epochs", "utc_hour", "mktime_hour", "time.mktime in serving", "machine-time-zone"
    ),
    Planted(
        "folder_seed",
        "table",
        "folder_seed",
        "folder_seed",
        "a seed made from the working folder, in both",
        "machine-folder",
    ),
    Planted(
        "thread_parts",
        "table",
        "one_part_per_thread",
        "one_part_per_thread",
        "statistics per thread, in both",
        "machine-threads",
    ),
    Planted(
        "clean_digest", "agents", "crossed_digest", "crossed_digest", "clean: a digest and a sorted set", ""
    ),
    Planted("clean_zone", "epochs", "utc_hour", "utc_hour", "clean: UTC said explicitly", ""),
    Planted("clean_seed", "table", "fixed_seed", "fixed_seed", "clean: a fixed seed", ""),
    Planted(
        "jpeg_default",
        "photos",
        "pillow",
        "tensorflow_default",
        "Pillow against tf.io.decode_jpeg as it is by default",
        "jpeg-decoder",
    ),
    Planted(
        "jpeg_small",
        "photos",
        "opencv_small_unit",
        "tensorflow_small_unit",
        "OpenCV against tf.io.decode_jpeg, then made small and divided",
        "jpeg-decoder",
    ),
    Planted(
        "jpeg_chroma",
        "photos",
        "pillow",
        "tensorflow_plain_upscaling",
        "colours enlarged smoothly against repeated",
        "jpeg-decoder",
    ),
    Planted("clean_decoders", "photos", "opencv", "imageio_v3", "clean: two readers, one libjpeg", ""),
)


def right(planted: Planted, ids: list[str], *, unexplained: bool) -> bool:
    """Whether the report names exactly what was planted, and nothing of a clean pair."""
    if not planted.expected:
        return not ids and not unexplained
    return len(ids) == 1 and ids[0] in planted.expected.split("|")


def row_of(planted: Planted, ids: list[str], unexplained: bool) -> dict[str, str]:
    """Return a line of the benchmark's table."""
    is_right = right(planted, ids, unexplained=unexplained)
    return {
        "": "" if is_right else "WRONG" if ids else "MISSED",
        "stages": planted.name,
        "planted": planted.planted,
        "diagnosed": " and ".join(ids) or "-",
    }
