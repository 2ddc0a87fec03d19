"""The commonest words of languages in Latin script, which say in what language a text is."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rag_service.embedding.stop_words import ENGLISH as STOP_WORDS

ENGLISH = "english"
_LISTED = {
    ENGLISH: " ".join(STOP_WORDS),
    "german": (
        "der die das den dem des ein eine einen einem einer eines und oder aber nicht mit von zu zum zur im ist sind war "
        "waren wird werden wurde wurden auf für als auch an aus bei durch nach über unter vor wie was wer wo wann warum "
        "welche welcher welches hat hatte haben er sie es ihr ihre sein seine sich dass wenn noch nur viele kann können bis"
    ),
    "french": (
        "le la les un une des du de et ou mais ne pas est sont était étaient dans en sur pour par avec sans sous au aux "
        "ce cet cette ces qui que quoi dont où quand comment pourquoi quel quelle quels quelles il elle ils elles son sa "
        "ses leur leurs se été avoir être plus comme entre après combien"
    ),
    "spanish": (
        "el la los las un una unos unas de del y o pero no es son era fue fueron ser en con por para sin sobre entre al "
        "a que qué quién cuál cuáles cuándo cómo dónde cuántos cuántas cuánto se su sus lo le les como más este esta estos "
        "estas ha han había hasta desde también muy donde"
    ),
    "italian": (
        "il lo la i gli le un uno una di del della dei delle dello degli e o ma non è sono era erano in con per su tra fra "
        "al alla ai alle dal dalla nel nella nei nelle sul sulla che chi cosa quale quali quando come dove perché si suo "
        "sua suoi loro più anche questo questa stato ha hanno"
    ),
    "portuguese": (
        "o a os as um uma uns umas de do da dos das e ou mas não é são era foi foram em no na nos nas com por para sem "
        "sobre entre ao aos à às pelo pela que quem qual quais quando como onde quantos quantas se seu sua seus suas mais "
        "este esta também até tem ser"
    ),
    "dutch": (
        "de het een en of maar niet is zijn was waren wordt worden werd werden in op aan met van voor door bij naar over "
        "onder uit tot te om als dan dat die deze dit wie wat waar wanneer waarom hoe welke hij zij ze hun haar er ook nog "
        "heeft hebben had kan veel meer"
    ),
    "swedish": (
        "en ett den det de och eller men inte är var blir blev har hade i på av för med till från om vid under över efter "
        "som att vad vem när hur varför vilken vilket vilka han hon sin sitt sina deras dess också kan mer många"
    ),
    "danish": (
        "en et den det de og eller men ikke er var bliver blev har havde i på af for med til fra om ved under over efter "
        "som at hvad hvem hvor hvornår hvorfor hvilken hvilket hvilke han hun sin sit sine deres også kan mere mange"
    ),
    "norwegian": (
        "en et ei den det de og eller men ikke er var blir ble har hadde i på av for med til fra om ved under over etter "
        "som at hva hvem hvor når hvorfor hvilken hvilket hvilke han hun sin sitt sine deres også kan mer mange"
    ),
    "finnish": (
        "ja tai mutta ei on oli olivat ovat ole ollut se ne hän he että joka jotka jonka jossa mikä mitä missä milloin "
        "miten miksi kuka kuinka kun kuin myös sekä niin tämä tämän sen sitä hänen heidän vain jo vielä mukaan kanssa"
    ),
    "romanian": (
        "și şi sau dar nu este sunt era erau a au fost fi în la de pe cu din prin pentru despre între după până un o unei "
        "unui al ale ai cel cea cei cele care ce cine când cum unde câte câți câţi se să său sa lor mai acest această "
        "acestea fiind lui ei"
    ),
    "turkish": (
        "ve veya ama ile bir bu şu o da de mi mı için gibi kadar daha en çok ne kim nedir hangi nasıl neden nerede kaç "
        "olan olarak oldu olduğu var yok değil sonra önce göre her tarafından ancak ise idi onun kimdir neydi"
    ),
    "hungarian": (
        "a az egy és vagy de nem is van volt voltak lesz hogy mint már még csak meg el ki be mi mit ki kik hol mikor "
        "hogyan miért milyen melyik hány ez azt ezt aki amely amelyek ami között után alatt által szerint"
    ),
    "polish": (
        "i oraz lub ale nie jest są był była było były być w we na z ze do od o po przez przy dla pod nad za to ten ta te "
        "tego tej który która które których co kto gdzie kiedy jak dlaczego ile jaki jaka jakie się jego jej ich także "
        "tylko może"
    ),
    "vietnamese": (
        "là của và các có được trong cho với những một không người này đã từ năm khi đến ở như để vào ra nào gì ai bao đâu "
        "sao thế tại theo nhiều về bởi sự đó cũng"
    ),
    "czech": (
        "a i nebo ale ne je jsou byl byla bylo byly být v ve na z ze do od o po přes při pro pod nad za to ten ta tato toto "
        "který která které kteří co kdo kde kdy jak proč kolik jaký jaká jaké se si jeho její jejich také jen může že"
    ),
}

FUNCTION_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {language: frozenset(listed.split()) for language, listed in _LISTED.items()}
)
"""By language, as the stemmers call it."""

_OTHERS = frozenset().union(*(listed for language, listed in FUNCTION_WORDS.items() if language != ENGLISH))
_ALL = _OTHERS | FUNCTION_WORDS[ENGLISH]


def languages_of(tokens: Iterable[str], *, least: int) -> list[str]:
    """Return the language of which the most different function words occur, if at least `least`; equal ones all.

    Beside English none is named. Function words are found in lower case.
    """
    found = _ALL.intersection(tokens)
    if len(found) < least:
        return []
    if len(found & _OTHERS) <= len(found & FUNCTION_WORDS[ENGLISH]):
        return [ENGLISH]  # sooner than by counting, with the same result
    votes = {language: len(found & listed) for language, listed in FUNCTION_WORDS.items()}
    most = max(votes.values())
    if most < least:
        return []
    return [ENGLISH] if votes[ENGLISH] == most else [language for language in votes if votes[language] == most]
