"""Texts of every script are found by a question in it, also where words are not parted by spaces."""

import httpx
import pytest

from tests.faults.uploading import found_by, new_corpus, settled, upload
from tests.running import RunningService

TEXTS = {
    "chinese-pension": "退休金计划规定，员工满六十岁后可以领取全额养老金。",
    "chinese-canteen": "公司食堂每天中午十二点开始供应午餐。",
    "japanese-leave": "有給休暇は入社から六か月後に十日間付与されます。",
    "japanese-parking": "駐車場は毎晩十時に閉まります。",
    "thai-leave": "พนักงานมีสิทธิลาพักร้อนปีละสิบวัน",
    "thai-parking": "ที่จอดรถปิดเวลาสี่ทุ่มทุกคืน",
    "arabic-leave": "يحق للموظف الحصول على الإجازة السنوية لمدة ثلاثين يوما.",
    "arabic-parking": "يغلق موقف السيارات في الساعة العاشرة مساء.",
    "hindi-leave": "कर्मचारियों को प्रति वर्ष बीस दिन की छुट्टी मिलती है।",
    "hindi-parking": "पार्किंग रात दस बजे बंद हो जाती है।",
    "russian-leave": "Сотрудникам предоставляется отпуск двадцать восемь дней.",
    "russian-parking": "Парковка закрывается в десять часов вечера.",
    "hebrew-leave": "לעובדים מגיעים עשרים ימי חופשה בשנה.",
    "korean-leave": "직원은 매년 십오 일의 유급 휴가를 받습니다.",
}

QUESTIONS = {
    "chinese-pension": "什么时候可以领取养老金？",
    "chinese-canteen": "食堂几点供应午餐？",
    "japanese-leave": "有給休暇は何日ですか？",
    "japanese-parking": "駐車場は何時に閉まりますか？",
    "thai-leave": "ลาพักร้อนได้กี่วัน",
    "thai-parking": "ที่จอดรถปิดกี่โมง",
    "arabic-leave": "كم مدة الإجازة السنوية؟",
    "arabic-parking": "متى يغلق موقف السيارات؟",
    "hindi-leave": "छुट्टी कितने दिन की मिलती है?",
    "hindi-parking": "पार्किंग कब बंद होती है?",
    "russian-leave": "Сколько дней длится отпуск?",
    "russian-parking": "Когда закрывается парковка?",
    "hebrew-leave": "כמה ימי חופשה מגיעים?",
    "korean-leave": "유급 휴가를 며칠 받습니까?",
}


@pytest.fixture(scope="module")
def client(service: RunningService):
    with service.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def corpus(client: httpx.Client) -> str:
    made = new_corpus(client, "scripts")
    ids = {name: upload(client, made, f"{name}.txt", text.encode()) for name, text in TEXTS.items()}
    assert {file["status"] for file in settled(client, made, ids).values()} == {"completed"}
    return made


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_finds_its_text(client: httpx.Client, corpus: str, name: str) -> None:
    assert found_by(client, corpus, QUESTIONS[name])[0] == f"{name}.txt"
