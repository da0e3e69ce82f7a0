"""How an assistant declines, as a small grammar: who, a modal, a verb of helping.

Not a list of remembered phrases: any speaker goes with any modal and any verb, and with norms
that bind the speaker, requests that cannot be met and changes of subject. Patterns match text as
`segments.written_out` leaves it. Every repetition is bounded, so no text makes matching slow.
"""

from __future__ import annotations

import re

# Who declines: the speaker, in the first person or the third.
_SELF = (
    r"(?:i|we|(?:this|the|your|an?) (?:[\w-]+ ){0,3}?(?:ai|assistant|language model|chatbot|"
    r"chat model|model|system))"
)

# What may stand between the speaker and the refusal ("I simply cannot", "I, however, will not").
_ADVERB = (
    r"(?:,? (?:also|really|simply|just|still|therefore|thus|hence|unfortunately|regretfully|"
    r"regrettably|respectfully|politely|kindly|truly|absolutely|certainly|definitely|firmly|"
    r"strongly|however|strictly|morally|ethically|legally|personally|currently|will|would|must|"
    r"have to|need to|am afraid(?: that)? i|am sorry,?(?: but)? i|apologi[sz]e,?(?: but)? i|"
    r"in good (?:conscience|faith)|under any circumstances?|directly|ever|never|knowingly|"
    r"can),?){0,4}"
)

# Verbs by which an assistant does, or does not do, what it was asked for.
_HELP = (
    r"(?:help\b(?! but| it\b)|assist|aid|provide|give|offer|supply|ful-?fill?|satisfy|comply|"
    r"accommodate|honou?r|grant|answer|respond|reply|support|engage|participate|partake|take part|"
    r"be (?:a )?part(?:y)? (?:of|to)|be involved|be used|contribute|generate|write|create|produce|"
    r"make (?:up )?(?:jokes?|statements?|fun|such|that|this|a|any|content|harmful)|compose|craft|"
    r"draft|develop|design|share|discuss|talk about|explain|describe|tell (?:you|that|a|jokes)|"
    r"say (?:that|anything|such|something)|advise(?: you)? (?:on|how|to)|recommend (?:any|"
    r"that you|ways|methods|doing|engaging|such|it\b(?! enough| highly))|suggest (?:any|ways|"
    r"methods|that you|how|such)|instruct|teach|guide|show|list|detail|outline|facilitate|enable|"
    r"condone|encourage|endorse|promote|advocate|perpetuate|justify|glorify|proceed|continue with|"
    r"carry out|complete (?:this|that|your|the)|process (?:this|that|your)|agree (?:with|to)|"
    r"entertain|do (?:that|this|so|it\b)|allow|speculate|disclose|reveal|accept (?:this|that|your|"
    r"such)|perform|execute|go along|go there|role-?play|pretend|present|act (?:as|like|in)|"
    r"go into|get into|touch|publish|post|spread|present|argue|debate|translate|rewrite|"
    r"continue this|continue the|be of (?:assistance|help|service)|in good conscience|"
    r"with (?:this|that)|on (?:this|that)|have (?:this|that) conversation|cooperate|collaborate|"
    r"follow (?:this|that|those|your|through)|obey|oblige|meet (?:this|that|your)|handle (?:this|"
    r"that|such)|address (?:this|that|your|such)|let you|tolerate|deliver|indulge|validate|repeat|"
    r"pass on|walk you|be able to)"
)

_CANNOT = (
    r"(?:cannot|can not|will not|could not|would not|shall not|must not|may not|should not|"
    r"can never|will never|would never|can neither|will neither|(?:am|is|are) (?:not |un)(?:able|"
    r"willing|comfortable|permitted|allowed|authori[sz]ed|programmed|designed|equipped|capable|"
    r"going|inclined|prepared|meant|intended|built|here|trained|at liberty|qualified|"
    r"in a position|supposed|made)(?: of| to| in| with)?|(?:am|is|are) (?:prohibited|forbidden|"
    r"restricted|prevented|barred|blocked) from|(?:do|does|would) not (?:feel|think i (?:can|"
    r"should|am))(?: (?:comfortable|right|that|it is))?(?: to)?|(?:would|will) (?:prefer|rather|"
    r"choose) not(?: to)?|(?:prefer|choose|opt|am choosing) not to|do not (?:want|wish|intend) to)"
)

_UNCERTAIN = (
    # Limits of knowledge, praise and effort are no refusals: "cannot recommend it enough",
    # "cannot give you an exact date", "cannot provide real-time data".
    r"(?! [\w ]{0,20}?(?:enough|highly enough|exact|precise|specific (?:number|date|figure|time|"
    r"price|answer without|advice without|details without)|definitive|real-?time|up-to-date|"
    r"current|live\b|latest|guarantee|physical(?:ly)?|hugs?\b))"
)

# Any refusal holds one of these; most sentences hold none, and are spared the grammar.
REFUSING_WORDS = (
    "not", "refus", "declin", "unable", "uncomfortable", "never", "against", "violat", "beyond",
    "outside", "prohibit", "forbid", "restrict", "prevent", "pass", "abstain", "refrain",
    "object", "program", "design", "built", "created", "trained", "am made", "am here", "let us",
    "can we", "could we", "shall we", "perhaps we", "we should", "would rather", "will rather",
    "stop you", "stop here", "stop there", "stop this", "stop right", "end this", "end the",
    "end our", "goes", "no way", "nothing i", "breach", "contra", "conflict", "incompatible",
    "inconsistent", "blocked", "request", "barred", "no part", "sit this", "limits me", "limit me",
    "dictate", "requires me", "require me", "would prefer", "would like to", "meant to",
    "was made", "say no", "no can do", "impossible", "been made", "was here",
)  # fmt: skip

DECLINES = re.compile(
    "|".join(
        (
            # I cannot help; this assistant will not provide; as an AI, I am not able to create.
            rf"\b{_SELF}{_ADVERB} {_CANNOT}(?: (?:and|or|nor) (?:do not|"
            rf"{_CANNOT}))?{_ADVERB} {_HELP}\b{_UNCERTAIN}",
            # I will not be helping; it is not possible for me to help.
            rf"\b{_SELF}{_ADVERB} {_CANNOT}{_ADVERB} be (?:provid|help|assist|shar|do|giv|writ|"
            rf"generat|"
            r"creat|explain|engag|answer|offer|discuss|tak|tell)ing\b",
            rf"\b(?:not possible|impossible) for me to {_HELP}\b{_UNCERTAIN}",
            r"\bi (?:have to|must|am going to have to|will have to|am going to) say no\b",
            r"^(?:sorry,? )?no can do\b|^let us not\b",
            r"\bi (?:do|would) not feel (?:\w+ )?(?:comfortable|right|good|okay|ok)\b|"
            r"\bi am (?:not |un)comfortable (?:with )?\w+ing\b",
            # Habit instead of inability: I do not support, I never provide.
            rf"\b{_SELF}{_ADVERB} (?:do not|does not|never) (?:\w+ly )?(?:provide|assist|offer|"
            rf"engage|support|"
            r"condone|promote|encourage|endorse|generate|create|participate|advocate|discuss|"
            r"share|facilitate|agree with|approve of|tolerate|help with|give out|do that|"
            r"tell (?:jokes|that)|make jokes|"
            rf"have (?:the|any) (?:\w+ )?(?:ability|capability|capacity|authority|permission|"
            rf"means) to {_HELP})\b",
            r"\bi (?:\w+ )?(?:have|want|take) no part\b",
            # The speaker introduces itself first: "I am an assistant and do not …"
            rf"\bi am [^.?!]{{0,80}}?\b(?:and|so|but)(?: i)?(?: \w+ly| therefore)? (?:do not|"
            rf"never|{_CANNOT}) {_HELP}\b{_UNCERTAIN}",
            # Elliptic: "Can't help with that." "Unable to comply."
            rf"^(?:(?:i am )?sorry,? ?(?:but )?|no,? |unfortunately,? |"
            rf"apologies,? (?:but )?)?(?:cannot|can not|unable to|not able to|will not|"
            rf"not going to|not comfortable) {_HELP}\b{_UNCERTAIN}",
            # Saying the word itself.
            rf"\b{_SELF}{_ADVERB} (?:decline|refuse|abstain|refrain|object)\b(?! (?:in|of|by))",
            r"\bi (?:will|would|must|have to|am going to|need to|should|shall|"
            r"am) (?:have to )?(?:\w+ly )?(?:pass on|sit this (?:one )?out|declin(?:e|ing)|"
            r"refus(?:e|ing)|refrain|abstain|stop (?:you )?(?:here|there|this|right)|end (?:this|"
            r"the|our) (?:conversation|chat|discussion))\b",
            # Norms that bind the speaker.
            r"\b(?:against|violat\w+|contrary to|contraven\w+|conflicts? with|in violation of|"
            r"breach\w*|outside(?: of)?|beyond|not (?:with)?in(?: line with)?|incompatible with|"
            r"not align(?:ed)? with|not consistent with|inconsistent with|goes? beyond) (?:my|"
            r"openai'?s?) (?:\w+,? (?:and )?){0,4}?(?:programming|guidelines?|polic(?:y|ies)|"
            r"principles?|values|ethics|rules|terms|capabilit(?:y|ies)|scope|purpose|standards?|"
            r"code of conduct|protocols?|training|instructions|boundaries|safeguards|abilities)\b",
            r"\b(?:against|violat\w+|breach\w*) (?:our|all|"
            r"any)? ?(?:\w+,? (?:and )?){0,3}?(?:usage|use|content|community|safety|ethical|"
            r"service) (?:guidelines?|polic(?:y|ies)|standards?|rules|terms)\b",
            r"\bmy (?:\w+ (?:and \w+ )?){0,3}(?:programming|guidelines?|polic(?:y|ies)|"
            r"principles?|values|ethics|rules|training|instructions|safeguards|creators|"
            r"developers|design|code) (?:\w+ ){0,2}?(?:do(?:es)? not|prevents?|prohibits?|"
            r"forbids?|restricts?|stops?|bars?|will not|would not|requires? me to|dictates?|"
            r"limits? me)\b",
            # The request as the subject: it cannot be fulfilled.
            r"\b(?:this|(?<!says )(?<!say )(?<!, )that(?! the)|your|"
            r"such an?) (?:\w+ ){0,2}?(?:request|question|prompt|query|content|topic|task|"
            r"information|type of (?:\w+ )?(?:content|request|question)) (?:\w+ ){0,2}?(?:cannot|"
            r"can not|will not|is not (?:something|one)|has been (?:declined|refused|denied|"
            r"blocked)|was (?:declined|refused|denied|blocked)|goes against|violates|is against|"
            r"(?:is|are) (?:inappropriate|not appropriate|unethical|harmful|illegal|offensive|"
            r"dangerous|unacceptable|not acceptable|prohibited|not allowed|not permitted|"
            r"highly \w+|extremely \w+|deeply \w+))",
            # It is not something I can do; there is no way I could help.
            r"\b(?:not|never) (?:something|a (?:topic|subject|request|question|conversation|task)|"
            r"anything|an area|the kind of \w+)(?: that| which)? (?:i|we) (?:can|could|will|would|"
            r"am|are|should|want|feel|do)\b",
            r"\b(?:something|a (?:topic|request|subject|task)|one|thing|line|where)(?: that|"
            r" which)? (?:i|we) (?:cannot|can not|will not|would not|am not|are not|do not|"
            r"must (?:decline|refuse))\b",
            r"\b(?:outside|beyond) (?:of )?what i (?:can|could|am|will)\b|\brequest (?:is |was |"
            r"has been )?(?:denied|declined|refused|blocked|rejected)\b|"
            r"\bno way (?:that )?i (?:can|could|will|would|am)\b|\bthere is nothing i can (?:do|"
            r"help|offer)\b",
            # Asking for another subject.
            r"\b(?:let us|can we|could we|shall we|perhaps we (?:can|could)|i would (?:rather|"
            r"prefer to|like to)|we should) (?:please )?(?:talk about|discuss|focus on|change|"
            r"move on|steer|explore|keep (?:this|our|the)) (?:\w+ ){0,3}?(?:else|different|"
            r"another|subject|topic|positive|instead|respectful|appropriate|conversation)\b",
            # Who the speaker is made to be: harmless.
            r"\b(?:i am|i was|i have been) (?:programmed|designed|built|created|trained|made|here|"
            r"meant) (?:only )?(?:to|not to) (?:\w+,? ){0,4}?(?:prioriti[sz]e|promote|avoid|"
            r"refuse|decline|be (?:a )?(?:safe|helpful|respectful|harmless|ethical)|not |respect|"
            r"follow|adhere|uphold|prevent|operate within|safe|ethical|responsible)",
            r"\bnot within (?:my|our|the)\b.{0,60}?\b(?:programming|guidelines|capabilit|ability|"
            r"scope|ethic)",
        )
    )
)
"""The speaker does not do what was asked."""
