"""Data files as they come: every shape, every missing mark, and refusals that say how to mend."""

import gzip
import json

import numpy as np
import pytest

from coordinator.cli import tables
from coordinator.cli.merged import record
from coordinator.errors import Refusal
from coordinator.feeds.files import read

LONG = (
    "time,city,PM2.5,PM10\n2024-01-01 00:00,北京,100,150\n2024-01-01 01:00,北京市,110,160\n2024-01-01 00:00,保定,90,\n"
)


@pytest.fixture
def written(tmp_path):
    def write(content, name="air.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return str(path)

    return write


def line(path, city="北京", name="PM2.5"):
    return tables.load(path).hourly(city, name).tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_any_usual_encoding_is_read(written, encoding):
    assert line(written(LONG, encoding=encoding)) == [100, 110]


def test_a_compressed_file_is_read_whatever_its_name(written):
    packed = gzip.compress(LONG.encode())

    assert line(written(packed, "air.csv.gz")) == line(written(packed, "air.csv")) == [100, 110]


@pytest.mark.parametrize(
    "mark", ["", "-", "—", "NA", "N/A", "nan", "null", "-;", "-99", "-999", "9999", "无", " ", "/"]
)
def test_missing_marks_are_missing_and_no_fault(written, mark):
    table = tables.load(written(f"time,city,PM2.5\n2024-01-01 00:00,北京,{mark}\n2024-01-01 01:00,北京,50\n"))

    assert np.isnan(table.hourly("北京", "PM2.5")[0])
    assert not table.faults


@pytest.mark.parametrize(
    ("cell", "reason"),
    [("-5", "为负"), ("inf", "无穷"), ("1e308", "大于"), ("abc", "不是数"), ('"1,5"', "不是数"), ("1_0", "不是数")],
)
def test_impossible_values_are_missing_with_a_counted_reason(written, cell, reason):
    table = tables.load(written(f"time,city,PM2.5\n2024-01-01 00:00,北京,{cell}\n2024-01-01 01:00,北京,50\n"))

    assert np.isnan(table.hourly("北京", "PM2.5")[0])
    assert [count for why, count in table.faults.items() if reason in why] == [1]


@pytest.mark.parametrize(
    "when",
    [
        "2024-01-01 07:00", "2024-01-01T07:00:00", "2024/1/1 7:00", "2024010107", "20240101 07", "2024年1月1日7时", "2023-12-31T23:00:00Z",
        "2024-01-01T07:00:00+08:00", "2024-01-01 08:30+09:00", "2024-01-01 07:00:00.000",
    ],
)  # fmt: skip
def test_an_hour_is_an_hour_however_it_is_written(written, when):
    table = tables.load(written(f"time,city,PM2.5\n{when},北京,1\n"))

    assert str(table.hours[0]) == "2024-01-01T07"


def test_hour_twenty_four_is_the_next_midnight(written):
    table = tables.load(written("date,hour,city,PM2.5\n20240101,24,北京,1\n20240101,1,北京,2\n"))

    assert sorted(map(str, table.hours)) == ["2024-01-01T01", "2024-01-02T00"]


def test_the_year_month_day_hour_of_the_original_set_are_read(written):
    rows = "No,year,month,day,hour,PM2.5,CO,station\n1,2013,3,1,0,4,300,Dongsi\n2,2013,3,1,0,8,700,Tiantan\n3,2013,3,1,1,6,500,Dongsi\n"
    table = tables.load(written(rows))

    assert table.cities == ("北京",)
    assert table.hourly("北京", "PM2.5")[0] == 6 and np.isnan(table.hourly("北京", "PM2.5")[1])
    assert table.hourly("北京", "CO")[0] == 0.5
    assert "CO" in table.notes[0]


def test_one_column_per_city_is_pm25(written):
    wide = written("time,北京,石家庄市\n2024-01-01 00:00,10,20\n2024-01-01 01:00,,30\n")

    assert line(wide, "石家庄") == [20, 30]
    assert tables.load(wide).cities == ("北京", "石家庄")


def test_wide_columns_may_name_pollutant_and_city(written):
    wide = written("time,PM2.5_北京,PM10_北京,PM2.5_保定\n2024-01-01 00:00,10,20,30\n2024-01-01 01:00,11,21,31\n")

    assert (line(wide), line(wide, name="PM10"), line(wide, "保定")) == ([10, 11], [20, 21], [30, 31])


def test_the_national_hourly_publication_is_read_as_it_is(written):
    rows = ["date,hour,type,北京,天津"]
    rows += [
        f"20240101,{hour},{kind},{hour + 10},{hour + 20}" for hour in range(3) for kind in ("AQI", "PM2.5", "PM2.5_24h")
    ]
    table = tables.load(written("\n".join(rows)))

    assert table.hourly("天津", "PM2.5").tolist() == [20, 21, 22]
    assert set(table.values) == {"AQI", "PM2.5", "PM2.5_24h"}


def test_one_row_per_pollutant_is_read(written):
    tidy = "time,city,pollutant,value\n2024-01-01 00:00,北京,PM2.5,5\n2024-01-01 00:00,北京,PM10,9\n"

    assert line(written(tidy)) == [5] and line(written(tidy), name="PM10") == [9]


def test_chinese_headers_and_units_are_understood(written):
    rows = "时间,城市,细颗粒物(μg/m³),PM10(ug/m3),一氧化碳(mg/m3),臭氧8小时\n2024-01-01 00:00,北京,1,2,3,4\n"
    table = tables.load(written(rows))

    assert [float(table.values[name][0]) for name in ("PM2.5", "PM10", "CO", "O3_8h")] == [1, 2, 3, 4]


def test_a_city_needs_three_quarters_of_its_stations(written):
    rows = ["time,city,station,PM2.5"]
    rows += [
        f"2024-01-01 0{hour}:00,北京,s{n},{'' if n < hour else 10 * n + 10}" for hour in range(3) for n in range(4)
    ]

    assert line(written("\n".join(rows)))[:2] == [25.0, 30.0]
    assert np.isnan(line(written("\n".join(rows)))[2])


def test_exchanged_ozone_labels_are_put_right(written):
    rows = (
        "timepoint,stationcode,area,pm2_5,o3,o3_24h,o3_8h,o3_8h_24h\n2022-01-04T20:00:00,1001A,北京市,64,27,3,24,12\n"
    )
    table = tables.load(written(rows))

    assert (table.values["O3"][0], table.values["O3_24h"][0], table.values["O3_8h"][0]) == (3, 27, 12)
    assert any("互换" in note for note in table.notes)


def test_a_feed_of_json_features_is_read(written):
    rows = [
        {
            "type": "Feature",
            "properties": {"area": "北京市", "pm2_5": "38", "pm10": "-;", "timepoint": "2018-02-20T07:00:00"},
        }
    ]

    assert line(written(json.dumps({"features": rows}), "feed.geojson")) == [38]


def test_an_xml_feed_is_read_and_one_with_a_dtd_is_not(written):
    xml = "<a><AQIDataPublishLive><Area>北京市</Area><PM2_5>34</PM2_5><PrimaryPollutant>&mdash;</PrimaryPollutant>"
    xml += "<TimePoint>2017-07-07T16:00:00</TimePoint></AQIDataPublishLive></a>"

    assert line(written(xml, "feed.xml")) == [34]
    with pytest.raises(Refusal, match="DTD"):
        read(written('<!DOCTYPE a [<!ENTITY b "c">]><a/>', "bomb.xml"))


def test_daily_values_stand_for_each_hour_of_their_day(written):
    table = tables.load(written("date,city,PM2.5\n2024-01-01,北京,10\n2024-01-02,北京,20\n"))

    assert table.daily
    assert table.hourly("北京", "PM2.5")[0] == 10


def test_a_later_row_and_a_later_file_correct_earlier_ones(written):
    first = written(LONG + "2024-01-01 00:00,北京,101,1\n", "a.csv")
    second = written("time,city,PM2.5\n2024-01-01 01:00,北京,5\n2024-01-01 03:00,北京,6\n", "b.csv")

    assert record([first, second], ()).hourly("北京", "PM2.5")[[0, 1, 3]].tolist() == [101, 5, 6]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "空文件"),
        ("time,city,PM2.5\n", "没有任何数据行"),
        ("time,city,temp\n2024-01-01,北京,1\n", "PM2.5"),
        ("city,PM2.5\n北京,1\n", "时间列"),
        ("time,city,PM2.5\nyesterday,北京,1\n", "时间列“time”没有一行读得懂"),
        ("time,PM2.5,PM2.5\n2024-01-01 00:00,1,2\n", "不止一次"),
        (b"\xff\xfe\xff\x00\x81", "UTF|时间|没有"),
        (b"PK\x03\x04rubbish", "xlsx"),
        (b"\x1f\x8bnot really", "压缩文件不完整"),
        ("{", "JSON"),
    ],
)
def test_what_can_not_be_read_is_refused_with_its_mend(written, content, complaint):
    with pytest.raises(Refusal, match=complaint):
        record([written(content)], ("北京",)).axis  # noqa: B018


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Refusal, match="没有这个文件"):
        read(tmp_path / "none.csv")


def test_rows_without_a_city_need_to_be_told_theirs(written):
    path = written("time,station,PM2.5\n2024-01-01 00:00,甲站,5\n")

    with pytest.raises(Refusal, match="--city"):
        record([path], ())
    assert record([path], ("北京",)).hourly("北京", "PM2.5").tolist() == [5]


def test_uneven_rows_are_counted(written):
    table = tables.load(written(LONG + "2024-01-01 02:00,北京\n"))

    assert table.faults["行的列数与表头不符"] == 1


def test_large_files_read_like_small_ones(written, monkeypatch):
    from coordinator.tabular import columns

    path = written(LONG.replace("110", '"110"') + "2024-01-01 02:00,北京,-,\n")
    small = line(path)
    monkeypatch.setattr(columns, "LARGE", 0)

    np.testing.assert_array_equal(line(path), small)


@pytest.mark.parametrize(
    ("folder", "name", "cities"),
    [
        ("01_beijing_prsa", "prsa_12stations_20130301_20161130.parquet", 1),
        ("02_region_air", "raw_china_cities_20190112.csv.gz", 366),
        ("02_region_air", "cnemc_station_feed_2017-07-07.xml.gz", 367),
        ("02_region_air", "cnemc_station_feed_2018-02-20T07.geojson.gz", 367),
        ("02_region_air", "cnemc_hourly_csv_sample_2022-01-04T20.csv", 6),
        ("02_region_air", "spte2m_daily_pm25_2014_2015.parquet", 65),
    ],
)
def test_real_publications_are_read(shared_data, folder, name, cities):
    table = tables.load(str(shared_data / folder / name))

    assert len(table.cities) == cities
    assert not np.isnan(table.values["PM2.5"]).all()


def test_the_xml_and_json_of_one_hour_agree(shared_data):
    one, other = (
        tables.load(str(shared_data / "02_region_air" / f"cnemc_station_feed_2017-07-07{tail}"))
        for tail in (".xml.gz", "T16.geojson.gz")
    )

    np.testing.assert_array_equal(np.sort(one.values["PM2.5"]), np.sort(other.values["PM2.5"]))
