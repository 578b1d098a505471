"""What people write in figures and signs, and how it is said: the tables of `acdcore.ivr.reading.normalise`.

Three columns each: Mandarin, Cantonese, English.
"""

from collections.abc import Mapping

Forms = tuple[str, str, str]

UNITS: Mapping[str, Forms] = {
    "km/h": ("公里每小时", "公里每小時", "kilometres per hour"),
    "km": ("公里", "公里", "kilometres"),
    "cm": ("厘米", "厘米", "centimetres"),
    "mm": ("毫米", "毫米", "millimetres"),
    "kg": ("公斤", "公斤", "kilograms"),
    "mg": ("毫克", "毫克", "milligrams"),
    "ml": ("毫升", "毫升", "millilitres"),
    "mL": ("毫升", "毫升", "millilitres"),
    "kWh": ("千瓦时", "千瓦時", "kilowatt hours"),
    "kW": ("千瓦", "千瓦", "kilowatts"),
    "MB": ("兆", "M B", "megabytes"),
    "GB": ("G B", "G B", "gigabytes"),
    "TB": ("T B", "T B", "terabytes"),
    "KB": ("K B", "K B", "kilobytes"),
    "m²": ("平方米", "平方米", "square metres"),
    "㎡": ("平方米", "平方米", "square metres"),
    "m³": ("立方米", "立方米", "cubic metres"),
    "℃": ("摄氏度", "攝氏度", "degrees Celsius"),
    "°C": ("摄氏度", "攝氏度", "degrees Celsius"),
    "°F": ("华氏度", "華氏度", "degrees Fahrenheit"),
    "m": ("米", "米", "metres"),
    "g": ("克", "克", "grams"),
    "L": ("升", "升", "litres"),
}
"""After a number; English ones are said without their `s` after one."""
SIGNS: Mapping[str, str] = {"HK$": "HKD", "US$": "USD", "¥": "CNY", "￥": "CNY", "RMB": "CNY", "€": "EUR", "£": "GBP"}
"""Before an amount, or after it."""
OTHER_MONEY: Mapping[str, Forms] = {
    "EUR": ("欧元", "歐元", "euros"),
    "GBP": ("英镑", "英鎊", "pounds"),
    "CNY": ("元", "元", "yuan"),
    "HKD": ("港元", "港元", "Hong Kong dollars"),
    "USD": ("美元", "美元", "US dollars"),
    "$": ("美元", "元", "dollars"),
}
"""Behind an amount that is said as a number."""
LARGE_ENGLISH: Mapping[str, str] = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
"""Right behind an amount with its currency; others stand for themselves."""
DAY_PARTS = "凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜间|朝早|上晝|下晝|夜晚|晏晝"
"""Where one stands before a time, no other is said."""
TO: Forms = ("到", "至", "to")
"""Between the ends of a range."""
AND: Forms = ("和", "同", "and")
PERCENT: Forms = ("百分之{}", "百分之{}", "{} percent")
QUARTER: Forms = ("第{}季度", "第{}季", "{} quarter")
NUMBERED = (
    r"(?:电话|電話|热线|熱線|号码|號碼|致电|致電|拨打|撥打|拨|打|尾号|尾號|单号|單號|编号|編號|工号|工號|会员号|會員號|"
    r"验证码|驗證碼|卡号|卡號|账号|帳號|帳戶|车牌|車牌|房号|房间|房間|分机|內線|内线|邮编|郵編|邮政编码|郵政編碼|密码|密碼)"
    r"(?:[是为為係：:，, #]|号码|號碼)*"
)
"""Chinese words that a number follows which is read digit by digit."""
NUMBERED_ENGLISH = (
    r"\b(?:number|no\.|order|room|flight|member|agent|extension|ext\.|code|pin|call|dial|phone|telephone|tel\.?|account|"
    r"ending in)"
    r"(?: (?:is|number|no\.))?[:#]? ?"
)
HOTLINES = r"(?:9[56]\d{3}|100\d{2}|123\d{2})"
"""Short numbers of banks, operators and authorities on the mainland."""
MEASURES = (
    "万|萬|亿|億|美元|欧元|歐元|港元|港币|港幣|英镑|英鎊|年(?!级|級)|积分|積分|吨|噸|股|斤|户|戶|票|集|页|頁|袋|包|"
    "个|個|位|名|元|块|塊|蚊|分钟|分鐘|秒|天|小时|小時|鐘頭|周|週|星期|礼拜|次|张|張|条|條|件|份|台|辆|輛|公里|公斤|厘米|毫米|米|"
    "克|升|种|種|人|箱|盒|瓶|杯|间|間|家|笔|筆|点|點|楼层|倍|封|套|双|雙|对|對|只|隻|项|項|步"
)
"""Words that count things: two of them are 两 (兩), and long numbers before them are counted, not read out."""
PLATES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼滬雲遼魯蘇贛晉陝閩貴粵寧瓊"
"""What a plate of the mainland begins with."""
SPELT = frozenset(
    {"VIP", "USA", "US", "UK", "EU", "ID", "IVR", "OTP", "ATM", "FAQ", "USB", "AI", "API", "URL", "UAE", "ISO", "EMS"}
)
"""English abbreviations with a vowel that are spelt all the same; those without one always are."""
WORDS: Mapping[str, Forms] = {
    "APP": ("A P P", "A P P", "app"),
    "App": ("A P P", "A P P", "app"),
    "app": ("A P P", "A P P", "app"),
    "&": AND,
}
"""Said in another way than it is written."""
MONTHS_SHORT = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec"
