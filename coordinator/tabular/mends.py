"""What is known to be wrong with some publications, decided by the numbers themselves, mended and said."""

import numpy as np

from coordinator.tabular.shapes import Long

CO_MILLIGRAMS = 30.0  # median above this can't be mg/m³: the AQI table itself ends at 150 for one hour


def mend(table: Long) -> None:
    """CO in µg/m³ → mg/m³; the national station feed's exchanged ozone labels put right."""
    _carbon_monoxide(table)
    _ozone(table)


def _carbon_monoxide(table: Long) -> None:
    """UCI data set 501 and others give CO in µg/m³ (typically 200–10000); mg/m³ is 0.2–10."""
    for name in ("CO", "CO_24h"):
        values = table.values.get(name)
        if values is None:
            continue
        known = values[~np.isnan(values)]
        if len(known) and float(np.median(known)) > CO_MILLIGRAMS:
            values /= 1000
            table.notes.append(f"{name} 的中位数为 {float(np.median(known)):.0f},按 µg/m³ 读作 mg/m³ 除以 1000")
        impossible = values > 200
        if impossible.any():
            values[impossible] = np.nan
            table.faults[f"{name} 大于 200"] += int(impossible.sum())


def _ozone(table: Long) -> None:
    """A day's highest hour can't be below the hour: where it mostly is, the feed has exchanged the labels."""
    hour, day = table.values.get("O3"), table.values.get("O3_24h")
    if hour is None or day is None:
        return
    with np.errstate(invalid="ignore"):
        below, above = int((day < hour).sum()), int((day > hour).sum())
    if below > above:
        table.values["O3"], table.values["O3_24h"] = day, hour
        table.notes.append(f"O3 与 O3_24h 标签互换({below} 行的24小时最大值小于小时值),已换回")
        if "O3_8h" in table.values and "O3_8h_24h" in table.values:
            eight = table.values["O3_8h"], table.values["O3_8h_24h"]
            table.values["O3_8h_24h"], table.values["O3_8h"] = eight
            table.notes.append("O3_8h 与 O3_8h_24h 同样换回")
