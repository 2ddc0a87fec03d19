"""In which language a document is."""

import pytest

from ingestion.language import detect_language
from ingestion.parsing.canonical import CanonicalBuilder
from rag_service.domain.documents import BlockKind, ParsedDocument

SENTENCES = {
    "en": "The report is due on Friday, and the meeting begins at nine.",
    "de": "Der Bericht ist am Freitag fällig, und die Sitzung beginnt um neun Uhr.",
    "fr": "Le rapport doit être remis vendredi et la réunion commence à neuf heures.",
    "es": "El informe se entrega el viernes y la reunión empieza a las nueve.",
    "pt": "O relatório deve ser entregue na sexta-feira e a reunião começa às nove.",
    "nl": "Het verslag moet vrijdag af zijn en de vergadering begint om negen uur.",
    "sv": "Rapporten ska lämnas in på fredag och mötet börjar klockan nio.",
    "pl": "Raport trzeba oddać w piątek, a zebranie zaczyna się o dziewiątej.",
    "hu": "A jelentést pénteken kell leadni, és az ülés kilenc órakor kezdődik.",
    "tr": "Rapor cuma günü teslim edilecek ve toplantı saat dokuzda başlıyor.",
    "vi": "Báo cáo phải nộp vào thứ Sáu và cuộc họp bắt đầu lúc chín giờ.",
    "el": "Η έκθεση πρέπει να παραδοθεί την Παρασκευή και η συνάντηση αρχίζει στις εννέα.",
    "ru": "Отчёт нужно сдать в пятницу, а совещание начинается в девять часов.",
    "uk": "Звіт треба здати в п’ятницю, а нарада починається о дев’ятій годині.",
    "he": "יש להגיש את הדוח ביום שישי, והישיבה מתחילה בתשע.",
    "ar": "يجب تسليم التقرير يوم الجمعة، ويبدأ الاجتماع في الساعة التاسعة.",
    "fa": "گزارش باید روز جمعه تحویل داده شود و جلسه ساعت نه آغاز می‌شود.",
    "hi": "रिपोर्ट शुक्रवार को जमा करनी है और बैठक नौ बजे शुरू होती है।",
    "ta": "அறிக்கை வெள்ளிக்கிழமை சமர்ப்பிக்கப்பட வேண்டும், கூட்டம் ஒன்பது மணிக்குத் தொடங்கும்.",
    "th": "ต้องส่งรายงานในวันศุกร์ และการประชุมจะเริ่มเวลาเก้าโมงเช้า",
    "ja": "報告書の締め切りは金曜日で、会議は九時に始まります。",
    "zh": "报告必须在星期五提交，会议九点开始。",
    "ko": "보고서는 금요일까지 제출해야 하며 회의는 아홉 시에 시작합니다.",
    "ka": "ანგარიში პარასკევს უნდა ჩაბარდეს, შეხვედრა კი ცხრა საათზე იწყება.",
}


def document(*parts: str, kind: BlockKind = BlockKind.PARAGRAPH) -> ParsedDocument:
    builder = CanonicalBuilder(max_chars=1_000_000)
    for part in parts:
        builder.add(part, kind)
    return builder.build()


@pytest.mark.parametrize("language", SENTENCES)
def test_one_sentence_is_enough(language: str) -> None:
    assert detect_language(document(SENTENCES[language])) == language


@pytest.mark.parametrize(
    "text",
    ["ok", "Paris", "Anna Schmidt", "12 | 34 | 5.6\n7 | 8 | 9", "Q3 2024", "+44 20 7946 0958", "!!!", "a | b\n1 | 2"],
)
def test_a_text_too_short_or_without_words_has_none(text: str) -> None:
    assert detect_language(document(text)) is None


def test_a_table_of_words_has_the_language_of_its_words() -> None:
    rows = [
        "Ware | Preis | Lieferung",
        "Kräutertee | 3 | erst nächste Woche",
        "Frische Vollmilch | 2 | sofort verfügbar",
    ]

    assert detect_language(document("\n".join(rows), kind=BlockKind.TABLE)) == "de"


def test_code_says_nothing_about_the_language() -> None:
    builder = CanonicalBuilder(max_chars=10_000)
    builder.add("return the first of the values that are not in the list of names\n" * 20, BlockKind.CODE)
    builder.add(SENTENCES["fr"])

    assert detect_language(builder.build()) == "fr"


def test_a_document_of_nothing_but_code_has_none() -> None:
    assert detect_language(document("while True:\n    print(1)", kind=BlockKind.CODE)) is None


def test_a_long_beginning_in_another_language_does_not_decide() -> None:
    licence, text = [SENTENCES["en"]] * 8, [SENTENCES["sv"]] * 200

    assert detect_language(document(*licence, *text)) == "sv"


def test_a_text_of_two_languages_in_equal_parts_has_one_of_them_or_none() -> None:
    assert detect_language(document(*[SENTENCES["de"], SENTENCES["th"]] * 20)) in {"de", "th", None}
