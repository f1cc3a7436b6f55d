"""The packs of the product: what they must find, and what they must leave alone."""

import pytest

from qa.lexicon.loader import own_lexicon
from qa.lexicon.model import Scene, Speaker

FOUND = [
    # disclosure
    ("collection", "你再不还钱我就告诉你家人", "disclosure.tell-family"),
    ("collection", "您今天不处理，我们会通知您的单位领导", "disclosure.tell-work"),
    ("collection", "信不信我爆你通讯录", "disclosure.blast-contacts"),
    ("collection", "把你的照片发到朋友圈", "disclosure.expose"),
    ("collection", "我们会曝光你", "disclosure.expose"),
    ("collection", "我要让你全村人都知道你欠钱", "disclosure.let-everyone-know"),
    ("collection", "明天去你单位闹", "disclosure.go-there"),
    ("collection", "您儿子欠了我们公司的钱", "disclosure.third-party-debt"),
    ("collection", "要不告诉你家人吧", "disclosure.tell-family"),
    ("collection", "我不会告诉你家人吗", "disclosure.tell-family"),
    ("collection", "你不能还我就告诉你老婆", "disclosure.tell-family"),
    ("collection", "告素你嘉人", "disclosure.tell-family"),
    ("collection", "你不说就告诉你家人", "disclosure.tell-family"),
    ("collection", "你再不给就打电话给你家人", "disclosure.call-family"),
    ("collection", "那我不得不告诉你家人", "disclosure.tell-family"),
    ("collection", "要么还钱，要么我通知你单位", "disclosure.tell-work"),
    # over-promise
    ("sales", "我们这里保证下款", "over_promise.guarantee-payout"),
    ("sales", "不看征信，黑户也能贷", "over_promise.no-credit-check"),
    ("sales", "百分百通过的", "over_promise.hundred-percent"),
    ("sales", "100%下款", "over_promise.hundred-percent"),
    ("sales", "无条件放款", "over_promise.unconditional"),
    ("sales", "可以帮您做假流水", "over_promise.fake-papers"),
    ("sales", "特别保证下款", "over_promise.guarantee-payout"),
    ("sales", "保正下款", "over_promise.guarantee-payout"),
    ("sales", "稳赚不赔的", "over_promise.guaranteed-return"),
    # private deals
    ("sales", "您加我微信", "private_deal.add-wechat"),
    ("sales", "能不能加你微信", "private_deal.add-wechat"),
    ("sales", "方便加个微信吗", "private_deal.add-wechat"),
    ("sales", "加V信聊", "private_deal.wechat-coded"),
    ("sales", "加我vx", "private_deal.wechat-coded"),
    ("sales", "我们私下办", "private_deal.private-talk"),
    ("sales", "钱转我账户", "private_deal.pay-me"),
    ("sales", "给你返点", "private_deal.kickback"),
    ("sales", "给点辛苦费", "private_deal.kickback"),
    ("sales", "先交一笔保证金", "private_deal.upfront-fee"),
    ("sales", "把验证码发给我", "private_deal.credentials"),
    ("sales", "不用走公司的流程", "private_deal.leave-platform"),
    ("sales", "别让公司知道", "private_deal.leave-platform"),
    # threats and insults
    ("collection", "明天我就去你单位找你的领导", "insult_threat.visit"),
    ("collection", "你就是个垃圾", "insult_threat.abuse-stupid"),
    ("collection", "我找人收拾你", "insult_threat.gang"),
    ("collection", "我弄死你", "insult_threat.kill"),
    ("collection", "我们是公安局的", "insult_threat.pose-police"),
    ("collection", "马上让警察抓你", "insult_threat.arrest"),
    ("collection", "让你吃不了兜着走", "insult_threat.no-peace"),
    ("collection", "后果自负", "insult_threat.consequences"),
    ("collection", "你个王八蛋", "insult_threat.abuse-beast"),
    ("collection", "傻@逼", "insult_threat.abuse-genital"),
    ("collection", "你就是个老赖", "insult_threat.abuse-debtor"),
    ("sales", "他妈的", "insult_threat.abuse-damn"),
]
CLEAN = [
    # denials and rules
    "我们不会告诉您的家人",
    "绝对不会通知您的单位",
    "没有您的同意不得联系您的家人",
    "严禁泄露您的信息",
    "我们不会爆通讯录",
    "我们不保证下款",
    "谁也无法保证下款",
    "我不能保证通过审批",
    "最终能不能批要看审核，我不敢保证能下款",
    "不存在不看征信的产品",
    "不要加客户微信",
    "请不要把验证码发给我们任何人",
    "严禁收取好处费",
    "我们不会让警察抓您",
    # quoted denial
    "凡是说保证下款的都是骗子",
    "不看征信的广告都是假的",
    "谨防先交手续费",
    "警惕所谓百分百下款",
    # the customer's own business
    "您可以告诉您的家人",
    "建议您和家人商量一下",
    # words that only look like it
    "稍微，信用卡的额度低一点",
    "请关注我们的微信公众号",
    "请加我们的企业微信",
    "我们增加微信支付了",
    "您可以用微信还款",
    "按时还款不影响征信",
    "钱会在两个工作日到账",
    "请您通过官方应用还款",
    "您好，请问您是本人吗",
    "这里是示例金融，您的借款将于三天后到期，请按时还款",
    "如果您有困难可以申请展期",
    "提前还款没有手续费",
    "年化利率百分之七点二，以合同为准",
    "请您妥善保管密码，不要告诉任何人",
    "感谢您的接听，再见",
    "本次通话将被录音",
    "我把合同发到您邮箱",
    "你妈的电话是多少",
    "片子拍得很好",
    "那是垃圾短信，不用理",
    "没有人能保证下款",
    "我们从来不会主动给您的家人打电话",
    "危险废物要分类",
    "工作人员会在一个工作日内联系您",
]


@pytest.mark.parametrize(("scene", "text", "term"), FOUND)
def test_found(scene: str, text: str, term: str) -> None:
    assert term in {hit.term.id for hit in own_lexicon().find(text, Speaker.STAFF, Scene(scene))}


@pytest.mark.parametrize("scene", [Scene.COLLECTION, Scene.SALES])
@pytest.mark.parametrize("text", CLEAN)
def test_left_alone(scene: Scene, text: str) -> None:
    assert own_lexicon().find(text, Speaker.STAFF, scene) == ()


def test_a_customer_may_ask_what_staff_may_not_promise() -> None:
    assert own_lexicon().find("你们保证下款吗，能不能加微信", Speaker.CUSTOMER, Scene.SALES) == ()


def test_a_customers_insult_is_seen() -> None:
    assert own_lexicon().find("你个王八蛋", Speaker.CUSTOMER, Scene.COLLECTION)


def test_every_label_is_found_as_its_own_term() -> None:
    """A term that its own label does not reach is dead weight."""
    lexicon = own_lexicon()
    for term in lexicon.terms:
        scene = next(iter(term.scenes))
        speaker = Speaker.STAFF if term.speaker is Speaker.ANY else term.speaker
        ids = {hit.term.id for hit in lexicon.find(term.label, speaker, scene)}
        assert term.id in ids, (term.id, term.label, ids)
