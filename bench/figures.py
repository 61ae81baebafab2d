"""Figures of a row: medians, spread, and the ratio of two programs round by round."""

import statistics


def spread(rounds):
    return {"median": statistics.median(rounds), "min": min(rounds), "max": max(rounds), "rounds": rounds}


def ratio(ours, theirs):
    """The ratio theirs / ours of the seconds of the same rounds: above 1, ours is faster."""
    return spread([t / o for o, t in zip(ours, theirs, strict=True)])


def best(turns, names):
    """The fastest of the given programs, by the median of its rounds."""
    return min(names, key=lambda name: statistics.median(turns[name]["rounds"]))


def verdict(figure, bar, aim, larger_is_better=True):
    """The verdict on a figure: "aim", "bar", "missed", or "short" of an aim without a bar. NaN reaches nothing."""
    def reaches(mark):
        return mark is not None and (figure >= mark if larger_is_better else figure <= mark)

    if bar is None and aim is None:
        return ""
    if reaches(aim) and (bar is None or reaches(bar)):
        return "aim"
    if bar is None:
        return "short"
    return "bar" if reaches(bar) else "missed"
