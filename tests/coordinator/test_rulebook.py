"""Cities, regions, editions: found by what people type."""

import pytest

from coordinator import rulebook
from coordinator.errors import Refusal


@pytest.mark.parametrize("word", ["130100", "石家庄", "石家庄市", " 石家庄 "])
def test_a_city_is_known_by_code_and_name(word):
    assert rulebook.city(word).code == "130100"


@pytest.mark.parametrize(
    ("word", "code"), [("110100", "110000"), ("雄安", "133100"), ("雄安新区", "133100"), ("定州市", "130682")]
)
def test_data_sets_own_spellings_are_understood(word, code):
    assert rulebook.city(word).code == code


@pytest.mark.parametrize(
    ("word", "code"),
    [("上海", "310000"), ("310100", "310000"), ("武汉市", "420100"), ("恩施州", "422800"), ("吉林", "220200")],
)
def test_cities_far_from_the_region_are_cities_too(word, code):
    assert rulebook.city(word).code == code
    assert rulebook.city(word) not in rulebook.cities()


def test_an_unknown_city_is_refused_with_near_names():
    with pytest.raises(Refusal, match="石家庄"):
        rulebook.city("石家壮")


def test_the_regions_have_the_cities_the_documents_list():
    assert len(rulebook.find_region("2+26").cities) == 28
    assert len(rulebook.find_region("2+36").cities) == 38
    assert len(rulebook.find_region("京津冀").cities) == 13
    assert "140100" in rulebook.region("2+26") and "140100" not in rulebook.region("2+36")
    with pytest.raises(Refusal, match=r"2\+36"):
        rulebook.region("2+99")


def test_every_city_of_a_region_is_on_the_map_and_no_two_share_a_tile():
    tiles = [city.tile for city in rulebook.cities()]

    assert len(set(tiles)) == len(tiles)
    for region in rulebook.regions():
        assert {*region.cities, *region.attached} <= {city.code for city in rulebook.cities()}


def test_the_map_reads_like_geography():
    tile = {city.name: city.tile for city in rulebook.cities()}

    assert tile["秦皇岛"][0] == max(column for column, _ in tile.values())
    assert tile["三门峡"][0] == min(column for column, _ in tile.values())
    assert tile["北京"][1] < tile["石家庄"][1] < tile["郑州"][1]
    assert tile["石家庄"][0] < tile["济南"][0] < tile["潍坊"][0]


def test_tiles_keep_north_over_south_and_west_before_east_between_neighbours():
    by_code = {city.code: city for city in rulebook.cities()}
    wrong = [
        (city.name, near.name)
        for city in rulebook.cities()
        for near in (by_code[code] for code in city.neighbours)
        if (city.lat - near.lat > 0.9 and city.tile[1] > near.tile[1])
        or (city.lon - near.lon > 1.2 and city.tile[0] < near.tile[0])
    ]

    assert wrong == []


def test_neighbours_are_mutual():
    by_code = {city.code: city for city in rulebook.cities()}

    for city in rulebook.cities():
        for code in city.neighbours:
            assert city.code in by_code[code].neighbours


@pytest.mark.parametrize(
    "word", ["national/2024", "MEE-2024-6", "mee-2024-6", "环大气〔2024〕6号", "环大气[2024]6号", "national-2024"]
)
def test_an_edition_is_known_by_id_alias_and_document(word):
    assert rulebook.edition(word).id == "national/2024"


def test_an_unknown_edition_is_refused_with_near_ones():
    with pytest.raises(Refusal, match="hebei/2024"):
        rulebook.edition("hebei/2025")


def test_the_hierarchy_is_city_province_region_nation():
    from datetime import date

    assert rulebook.places("石家庄", date(2025, 1, 1)) == ("130100", "130000", "2+36", "jjj", "000000")
    assert rulebook.places("某地", date(2025, 1, 1)) == ("某地", "000000")


def test_every_standard_and_policy_can_be_read():
    assert [standard.id for standard in rulebook.standards()] == ["hj633-2012", "hj633-2026"]
    assert rulebook.cause_policy().nights and rulebook.limits()["PM2.5"] > 1227
    with pytest.raises(Refusal, match="hj633-2012"):
        rulebook.standard("epa")
