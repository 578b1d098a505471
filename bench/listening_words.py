"""What is said in `bench/listening.py`: departments, yes and no, and what is none of them, in Mandarin and English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acdcore.recognition.model import Phrase

DEPARTMENTS_CMN = tuple(
    Phrase(value, tuple(texts.split()))
    for value, texts in {
        "sales": "销售部 销售",
        "service": "客户服务 客服 客服部",
        "billing": "账单查询 账单",
        "claims": "理赔部 理赔",
        "repair": "维修部 维修 报修",
        "complaints": "投诉建议 投诉",
        "technical": "技术支持 技术部",
        "finance": "财务部 财务",
        "personnel": "人事部 人事 人力资源",
        "purchasing": "采购部 采购",
        "logistics": "物流配送 物流 查快递",
        "warehouse": "仓库 仓储部",
        "legal": "法务部 法务",
        "marketing": "市场部 市场",
        "reception": "前台 总机",
        "membership": "会员中心 会员服务",
        "rescue": "道路救援 救援",
        "towing": "拖车服务 拖车",
        "insurance": "汽车保险 买保险",
        "renewal": "续保业务 续保",
        "points": "积分兑换 积分",
        "appointment": "预约保养 预约",
        "parts": "配件部 配件",
        "returns": "退货退款 退货 退款",
        "invoice": "开发票 发票",
        "password": "重置密码 忘记密码",
        "card_loss": "挂失 银行卡挂失",
        "loans": "贷款业务 贷款",
        "credit_card": "信用卡 信用卡中心",
        "network": "宽带故障 网络故障",
        "training": "培训中心 培训",
        "press": "媒体联络 媒体",
        "operator": "人工服务 人工 接线员",
    }.items()
)
DEPARTMENTS_EN = tuple(
    Phrase(value, tuple(texts.split("|")))
    for value, texts in {
        "sales": "sales|sales department",
        "service": "customer service|customer care",
        "billing": "billing|my bill",
        "claims": "claims|insurance claim",
        "repair": "repairs|repair service",
        "complaints": "complaints|make a complaint",
        "technical": "technical support|tech support",
        "finance": "finance|accounts",
        "personnel": "human resources|personnel",
        "purchasing": "purchasing|procurement",
        "logistics": "shipping|delivery",
        "warehouse": "warehouse",
        "legal": "legal department|legal",
        "marketing": "marketing",
        "reception": "reception|front desk",
        "membership": "membership",
        "rescue": "roadside assistance|breakdown",
        "towing": "towing service|tow truck",
        "insurance": "car insurance|insurance policy",
        "renewal": "renewals|renew my policy",
        "points": "reward points|points",
        "appointment": "appointments|book an appointment",
        "parts": "spare parts",
        "returns": "returns and refunds|refund",
        "invoice": "invoices|invoice",
        "password": "reset password|password",
        "card_loss": "lost card|stolen card",
        "loans": "loans|personal loan",
        "credit_card": "credit card",
        "network": "broadband fault|internet problem",
        "training": "training centre|training",
        "press": "press office|media relations",
        "operator": "operator|an agent|a real person",
    }.items()
)
YES_NO_CMN = (
    Phrase("yes", ("是", "是的", "对", "对的", "好的", "可以", "需要", "没错", "没问题", "要", "行")),
    Phrase("no", ("不是", "不对", "不用", "不需要", "不要", "不行", "不可以", "没有", "不", "算了", "否")),
)
YES_NO_EN = (
    Phrase(
        "yes", ("yes", "yeah", "yep", "yes please", "sure", "of course", "that's right", "correct", "okay", "right")
    ),
    Phrase(
        "no", ("no", "nope", "no thanks", "no thank you", "not really", "wrong", "that's wrong", "not right", "never")
    ),
)
CARRIERS_CMN = ("{}", "请帮我转{}。", "呃，我想找一下{}。", "你好，{}，谢谢。")
CARRIERS_EN = ("{}.", "{}, please.", "Uh, I'd like to speak to {}.", "Hello, {}, thank you.")
OTHER_CMN = (
    *("今天天气怎么样", "我不知道该说什么", "你们几点下班", "我的车停在楼下", "请再说一遍", "等一下我找找"),
    *("孩子们明天要去公园", "这个菜有点咸", "我昨天买了一本书", "火车晚点了两个小时", "他住在三楼左边", "我听不清楚"),
    *("中午吃什么好呢", "电影几点开始", "我在开车不方便", "喂喂能听到吗", "妈妈在厨房做饭", "足球比赛结束了"),
    *("图书馆周末开门吗", "帮我买两张票", "手机快没电了", "外面下雨了", "我们下个月结婚", "小狗跑出去了"),
)
OTHER_EN = (
    *("what's the weather like today", "I don't know what to say", "when do you close", "my dog ran away"),
    *("could you say that again", "hang on a second", "the children are going to the park", "this soup is too salty"),
    *("I bought a book yesterday", "the train was two hours late", "he lives on the third floor", "I can't hear you"),
    *("what's for lunch", "when does the film start", "I am driving right now", "hello can you hear me"),
    *("mum is in the kitchen", "the match is over", "is the library open on Sunday", "two tickets for tonight"),
    *(
        "my battery is nearly empty",
        "it is raining outside",
        "we are getting married next month",
        "turn left at the corner",
    ),
)
CARRIERS_TEST_CMN = ("{}", "喂，帮我接{}。", "我有事情要问{}。", "麻烦转一下{}好吗？")
CARRIERS_TEST_EN = ("{}.", "Can you put me through to {}?", "I have a question for {}.", "Hi there, {} please.")
OTHER_TEST_CMN = (
    *("你刚才说什么我没注意", "我的狗生病了", "明天早上八点起床", "附近有没有停车场", "这个周末去爬山", "钥匙找不到了"),
    *("他们昨天搬家了", "空调声音太大", "你叫什么名字", "飞机场怎么走", "冰箱里没有牛奶", "我儿子上小学三年级"),
    *("我晚点再打过来", "公交车还没来", "医生说要多休息", "房间里太黑了", "谁在敲门", "昨天晚上没睡好"),
    *("电视声音关小一点", "这里信号不好", "水果多少钱一斤", "我姐姐在北京工作", "下午两点开会", "门口有个人在等"),
)
OTHER_TEST_EN = (
    *("sorry what did you say", "my cat is on the roof", "I have to get up at six", "where can I park around here"),
    *(
        "we are going hiking this weekend",
        "I can't find my keys",
        "they moved house last week",
        "the kettle is boiling",
    ),
    *("what was your name again", "how do I get to the airport", "there is no milk in the fridge", "my son is nine"),
    *("I will call back later", "the bus has not come yet", "the doctor told me to rest", "it is too dark in here"),
    *("someone is at the door", "I slept badly last night", "turn the television down", "the signal is bad here"),
    *("how much are the apples", "my sister works in Boston", "the meeting is at two", "a man is waiting outside"),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """What is said besides the phrases in one language, and by whom: Kokoro's voices."""

    carriers: Sequence[str]
    """Sentences around a department."""
    others: Sequence[str]
    """Sentences that are neither a department nor yes or no."""
    voices: Sequence[str]


CASTS: Mapping[str, Mapping[str, Cast]] = {
    "tuning": {
        "cmn": Cast(CARRIERS_CMN, OTHER_CMN, ("zf_xiaobei", "zm_yunxi", "zf_xiaoyi", "zm_yunjian")),
        "en": Cast(CARRIERS_EN, OTHER_EN, ("af_heart", "am_michael", "bf_emma", "am_fenrir")),
    },
    "test": {
        "cmn": Cast(CARRIERS_TEST_CMN, OTHER_TEST_CMN, ("zf_xiaoni", "zm_yunyang")),
        "en": Cast(CARRIERS_TEST_EN, OTHER_TEST_EN, ("af_bella", "bm_george", "am_puck", "bf_isabella")),
    },
    "spare": {
        "cmn": Cast(CARRIERS_TEST_CMN, OTHER_TEST_CMN, ("zf_xiaoxiao", "zm_yunxia")),
        "en": Cast(CARRIERS_TEST_EN, OTHER_TEST_EN, ("af_sarah", "bm_fable", "am_eric", "bf_lily")),
    },
}
"""Thresholds are set by the first set and judged by the second. The third is for the day on which somebody changes a
threshold because of the second, which is then a set for tuning too."""
