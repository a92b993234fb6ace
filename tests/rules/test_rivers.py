"""Who is downstream, in which order they are told, and who is searched upstream."""

import pytest

from coordinator import rulebook
from coordinator.rulebook_incidents import assess, downstream_cities, waters, whom
from rules.rivers import NoSuchPlace, crossings, downstream, neighbours_downstream, upstream


def names(sections):
    return [section.name for section in sections]


def test_a_spill_in_pinggu_is_told_to_sanhe_then_baodi_and_not_to_jizhou():
    told = neighbours_downstream(waters(), river="泃河", place="平谷")

    assert [section.place for section in told] == ["三河", "宝坻"]


def test_when_the_source_is_unknown_jizhou_is_searched():
    assert "蓟州" in names(upstream(waters(), river="泃河", place="平谷"))


def test_the_water_follows_its_confluences():
    assert names(downstream(waters(), river="潮河", place="下会"))[:3] == ["密云水库", "苏庄", "吴村"]


def test_a_city_is_known_by_code_or_name():
    by_code = downstream(waters(), river="北运河", place="131000")

    assert by_code == downstream(waters(), river="北运河", place="廊坊")
    assert names(by_code)[-1] == "三岔口"


def test_the_ju_river_crosses_the_province_boundary_three_times_and_once_more_below():
    [ju] = [river for river in waters() if river.name == "泃河"]

    assert len(crossings(ju)) == 3
    assert downstream(waters(), river="泃河", place="三河东大桥")[0].city == "120000"


def test_a_river_or_place_not_on_file_is_refused_by_name():
    with pytest.raises(NoSuchPlace, match="泃河"):
        downstream(waters(), river="泃水", place="平谷")
    with pytest.raises(NoSuchPlace, match="三河东大桥"):
        downstream(waters(), river="泃河", place="巴黎")


def test_every_river_reaches_an_end_and_says_where_it_is_known_from():
    for river in waters():
        assert river.source
        assert all(section.city.isdigit() and section.confidence for section in river.sections)
        assert names(downstream(waters(), river=river.name, place=river.sections[0].name)) is not None


def test_an_incident_names_the_city_its_river_flows_to_and_those_below():
    def told(**river):
        return whom(assess({"learned_at": "2026-03-01T08:00+08:00", "river": {"km_to_boundary": 4, **river}}).now)

    assert told(name="泃河", flows_to_city="廊坊") == ("廊坊", "天津")
    assert told(name="无名河", flows_to_city="保定") == ("保定",)
    assert told(name="泃河") == ("neighbour_bureau",)


def test_a_desk_asks_for_the_codes_downstream_and_gets_none_for_a_river_not_on_file():
    assert downstream_cities("泃河", "110000") == ("131000", "120000")
    assert downstream_cities("无名河", "110000") == ()


def test_every_city_on_a_river_is_a_city_of_the_rulebook_by_the_same_name():
    for section in (section for river in waters() for section in river.sections):
        assert rulebook.city(section.city).name == section.city_name
