"""What a sentence does besides declining: condemn, warn, care, redirect, deliver, offer.

Patterns match text as `segments.written_out` leaves it: lower case, contractions written out.
Every repetition is bounded, so no text makes matching slow.
"""

from __future__ import annotations

import re

APOLOGISES = re.compile(
    r"^(?:oh,? |oops,? |well,? |hello!? ?|hi!? ?)?(?:i am (?:\w+ ){0,2}?(?:sorry|afraid)|"
    r"(?:i )?(?:\w+ )?apologi[sz]e|sorry|my (?:sincere |deepest )?apologies|apologies|pardon me|"
    r"forgive me|unfortunately|regrettably|i regret)\b"
)
"""An apology, which refuses only together with something else."""

VERY = (
    r"(?:(?:(?!hardly|barely|scarcely)\w+ly|very|also|both|only|just|more|and|or|either|always|so|"
    r"simply|a|an|the|,|even|quite|at all|considered|seen|deemed) ?){0,5}?"
)
GOOD = (
    r"(?:acceptable|appropriate|ethical|moral|okay|ok\b|all right|alright|right\b(?! away| now)|"
    r"permissible|justifi(?:ed|able)|excusable|defensible|condoned|tolerated|respectful|healthy|"
    r"productive|constructive|a good (?:idea|thing|way)|good (?:idea|thing)|the answer|an answer|"
    r"the solution|a solution|an (?:\w+ )?option|funny|a joke|a laughing matter|something (?:to|"
    r"that)|fair\b|kind\b|responsible|humane|proper|in line with|a (?:topic|subject|matter) (?:to|"
    r"for|that)|the (?:right|best|appropriate|proper) (?:thing|way|approach)|"
    r"a (?:\w+ ){0,2}(?:way|solution|option|behaviou?r|approach|response|topic|question|request))"
)
_BAD = (
    r"(?:unethical|immoral|unacceptable|inappropriate|reprehensible|deplorable|abhorrent|inhumane|"
    r"despicable|heinous|repugnant|disgusting|appalling|indefensible|inexcusable|unjustifiable|"
    r"morally wrong|ethically wrong|deeply wrong|wrong and|cruel|evil|not (?:\w+ )?(?:ethical|"
    r"moral)|an? (?:\w+ ){0,2}?(?:violation|breach|invasion) of|disrespectful|hateful|racist|"
    r"sexist|discriminatory|deeply (?:offensive|hurtful|harmful|problematic|troubling|disturbing)|"
    r"never the answer|not the answer|completely unacceptable)"
)
BE = r"(?:is|are|was|were|would be|can be|will be|should be|be|being|seems|remains?)"

CONDEMNS = re.compile(
    "|".join(
        (
            # It is never acceptable; such acts are not okay; would not be appropriate.
            rf"\b(?:{BE} (?:not|never|no longer|in no way|neither)|(?:would|will|could|can|"
            rf"may) (?:not|never) be) {VERY}(?:\w+,? (?:or|and|nor) )?{GOOD}",
            rf"\b(?:can|could|should|must|would|will) (?:not|never) be {VERY}(?:tolerated|"
            rf"condoned|encouraged|accepted|"
            r"promoted|supported|justified|taken lightly|celebrated|glorified|normali[sz]ed|"
            r"excused|attempted|emulated)\b",
            rf"\bcannot be {VERY}(?:tolerated|condoned|justified|excused|accepted)\b",
            rf"\b{BE} {VERY}(?:\w+,? (?:and|or|but) ){{0,2}}?{_BAD}",
            # The speaker's own voice.
            r"\bi (?:\w+ly |must |would |do |have to |want to |can only |cannot ){0,3}?(?:condemn|"
            r"denounce|disagree with|oppose|reject|object to|discourage|"
            r"advise (?:you )?(?:strongly )?against|caution (?:you )?against|urge (?:you|anyone)|"
            r"advise (?:you|anyone) (?:not|to not|to seek|to refrain|to reconsider)|"
            r"warn (?:you )?against|recommend against|encourage you to (?:seek|reconsider|find|"
            r"consider|reach|talk|think|speak)|implore you|beg you|"
            r"ask (?:that )?you (?:to )?(?:refrain|reconsider|not|please))\b",
            r"\bi (?:strongly |would |must |highly )?(?:recommend|suggest|advise) (?:that you |"
            r"you )?(?:refrain|reconsider|against|seeking (?:\w+ )?help|you seek)\b",
            r"\bi do not (?:\w+ )?(?:think (?:it is|that is|that it is|this is)|support|approve)\b",
            r"\bi (?:am|feel) (?:\w+ )?(?:concerned|troubled|worried|alarmed|uncomfortable|"
            r"disturbed|saddened)\b",
            # Commands not to.
            r"(?:^|, |\bplease )(?:please )?(?:do not|never|refrain from|avoid) (?:try|attempt|do|"
            r"engage|harm|hurt|kill|commit)\w*\b",
            r"\byou (?:\w+ ){0,2}?(?:should|must|can) (?:not|never) (?:try|attempt|do|engage|harm|"
            r"hurt|kill|commit|even|be (?:trying|asking|doing|looking)|ask|take|make)\b",
            r"\b(?:nobody|no one|no person|no group|no individual|"
            r"nothing) (?:should (?:ever )?(?:be|have to|suffer|endure|harm|hurt|kill|do)|"
            r"deserves?|has the right|justifies|can justify)\b",
            r"\bthere is (?:never |absolutely |simply )?(?:no|never|not) (?:an? |"
            r"any )?(?:\w+,? ){0,3}?(?:justification|excuse|place for|ethical way|legal way|"
            r"right way|good way|safe way|acceptable|moral|situation|legitimate)\b",
            r"\bviolence (?:against \w+ |of any kind |towards? \w+ )?(?:is|should|can) (?:not|"
            r"never)\b",
        )
    )
)
"""What was asked for is morally wrong."""

WARNS = re.compile(
    r"\b(?:illegal|unlawful|against the law|not legal|criminal(?: offen[cs]e| act| charges?|"
    r" activity)?|(?:is|are|as) (?:considered )?an? (?:\w+ ){0,2}?(?:crime|felony|offen[cs]e)|"
    r"violation of|violates?|prosecut\w+|imprisonment|legal consequences|severe consequences|"
    r"serious consequences|legal (?:and \w+ )?(?:consequences|repercussions|ramifications|"
    r"trouble)|(?:cause|causes|causing) (?:\w+ ){0,2}?harm|highly dangerous|extremely dangerous|"
    r"very dangerous|is dangerous|harmful|serious harm|endanger\w*|punishable|prohibited|banned)\b"
)
"""What was asked for is unlawful or dangerous: a fact, and a refusal only in company."""

MORALISES = re.compile(
    r"\b(?:equal(?:ity|ly)?|equit(?:y|able)|dignity|discriminat\w+|stereotyp\w+|prejudice\w*|"
    r"bias(?:es|ed)?|inclusi\w+|divers(?:e|ity)|respect(?:ful|fully|ed|ing)?|rights|regardless of|"
    r"based on (?:their|one's|his|her|someone's|any|race|gender)|unethical|ethical|immoral|"
    r"moral\w*|tragic|tragedy|atrocit\w+|condemn\w*|victims?|suffering|violat\w+|hatred|hate|"
    r"racis[mt]|sexis[mt]|bigot\w+|harmful|compassion|empathy|kindness|fair(?:ness|ly)?|unfair\w*|"
    r"justice|unjust\w*|just and|justif\w+|democra\w+|genocide|crimes against|inhumane|wrong|"
    r"accountab\w+|toleran\w+|understanding|acceptance|peaceful\w*|perpetuat\w+|marginali[sz]ed|"
    r"oppress\w+|heinous|freedom|humanity|well-being|consent|autonomy|privacy|assumptions|"
    r"never acceptable|unacceptable|inappropriate|appropriate|violence|hurtful|offensive)\b"
)
"""The vocabulary of rights and of harm."""

REDIRECTS = re.compile(
    r"\b(?:seek (?:\w+ ){0,4}?(?:help|support|advice|assistance|guidance|counsel\w*|care|"
    r"treatment|attention|immediate)|reach(?:ing)? out (?:to|for)|(?:talk|speak|talking|"
    r"speaking)(?: \w+){0,2}? (?:to|with) (?:\w+ ){0,6}?(?:therapist|counsell?or|professional|"
    r"friend|trust\w*|doctor|someone|family|lawyer|attorney|expert|adult)|(?:mental health|"
    r"healthcare|medical|legal|qualified|licensed|trained) (?:professional|expert|provider|"
    r"advisor|practitioner)s?|help ?lines?|hot ?lines?|crisis (?:line|text|center|centre)|"
    r"lifeline|988|911|samaritans|emergency (?:services|number)|(?:local |relevant |appropriate |"
    r"proper |the )?(?:authorities|law enforcement|police)|support groups?|therap(?:y|ist|ists)|"
    r"counsell?(?:ing|ors?)|instead(?: of)?|rather than|healthier|alternatives?|non-?violent\w*|"
    r"peaceful(?:ly)?|(?:legal|lawful|ethical|positive|constructive|healthy|safe|responsible|"
    r"appropriate) (?:\w+ ){0,2}?(?:ways?|means|methods?|options?|alternatives?|manner|solutions?|"
    r"channels|activities|and)|(?:is there|do you have|if you (?:have|need|would like)|"
    r"feel free to ask|happy to (?:help|assist)|glad to (?:help|assist)|here to (?:help|support|"
    r"listen|assist)|let me know)|how (?:else )?(?:can|may) i (?:help|assist)|you are not alone|"
    r"struggling|de-escalate|communicat\w+ (?:\w+ ){0,4}?(?:feelings|concerns|respectful\w*|"
    r"openly))\b"
)
"""Away from what was asked, to help or to something harmless."""

CARES = re.compile(
    r"\b(?:it is|it would be|it is also|is it|it is always) (?:\w+ ){0,3}?(?:important|crucial|"
    r"essential|vital|best|necessary|better|imperative|critical|"
    r"worth) (?:for \w+(?: \w+){0,3} )?(?:to|that|not)\b|^remember\b|^please (?:remember|note|"
    r"be aware|consider|know|prioriti[sz]e|respect|seek|take|reach)|\bprioriti[sz]\w+|"
    r"\bresponsib\w+|\bconsequences\b|\bsafety\b|\bwell-being\b|\blaws and regulations\b|"
    r"\bwe (?:should|must|all|need to)\b|\byou should\b"
)
"""Care and duty: what surrounds a refusal, and many an answer too."""

DELIVERS = re.compile(
    r"^(?:sure|certainly|of course|absolutely|yes|great question|definitely|okay|ok|alright|"
    r"gladly|with pleasure)\b|\bhere (?:is|are) (?:\w+ ){0,6}?(?:step|way|method|tip|guide|"
    r"example|script|code|list|recipe|template|how|instruction|option|thing|idea|reason|strateg|"
    r"technique|overview|outline|version|draft|letter|story|poem|email|article|what|to|some|a)|"
    r"\b(?:follow|following|these|next|below) (?:\w+ ){0,3}?(?:steps|instructions|methods|"
    r"techniques|procedure|ingredients|materials)\b|^to [^,.?!]{2,90}, (?:you|we|one|first|start|"
    r"begin|simply|use|follow|there are|it|consider)\b|^(?:first|firstly|second|secondly|third|"
    r"next|then|finally|lastly|once)[, ](?:\w+ )?(?:you|we|gather|choose|find|locate|get|identify|"
    r"prepare|mix|add|use|create|open|make|start|begin|connect|install|remove|cut|place|have)\b|"
    r"^(?:the |an? )?(?:\w+ )?(?:best|easiest|simplest|quickest|most \w+|fastest|good|"
    r"common) (?:way|method|place|approach|option|tool|time)s?\b(?! (?:to|of) (?:avoid|seek|"
    r"protect|prevent))|\byou (?:will|can|could|would|may|might)(?: also| then| first|"
    r" either)? (?:need|want|have) (?:to|a|an|the|some|access)\b|^step (?:1|one|2|two)\b"
)
"""Content of the kind that was asked for begins."""

PIVOTS = re.compile(
    r"\b(?:however|but|that said|that being said|having said that|nevertheless|nonetheless|still|"
    r"although|with that|having clarified|if you (?:insist|must|really|still))\b"
)
"""The turn by which a disclaimer becomes an answer."""

OFFERS = re.compile(
    r"\bi (?:can|could|will|am able to|would be happy to|am happy to|may)(?: still| certainly|"
    r" definitely| try to| try and| gladly)? (?:provide|give|offer|share|tell|explain|suggest|"
    r"help|describe|outline|walk|show|say|answer|write|list|discuss)\b"
)
"""The speaker gives something after all."""

HARMLESS = re.compile(
    r"\b(?:instead|alternative\w*|health\w*|legal\w*|lawful\w*|ethical\w*|safe(?:ly|r|ty)?|"
    r"positive\w*|peaceful\w*|non-?violent\w*|constructive\w*|resources|support\w*|cope|coping|"
    r"help you (?:through|manage|feel|process|deal|with)|why (?:it|this|that|such|you)|protect\w*|"
    r"prevent\w*|avoid\w*|referring to|metaphor\w*|emotions?|feelings?|creativ\w+|responsib\w+|"
    r"respect\w*|reasons (?:why|not)|consider (?:the following )?instead|recovery|wellness|"
    r"hotlines?|reputable)\b"
)
"""How a list of harmless things is announced."""

WITHHOLDS = re.compile(
    r"\bi (?:\w+ly )?(?:do not|cannot|will not|am not able to|"
    r"am unable to) (?:\w+ly )?(?:have (?:\w+ ){0,2}?(?:access|the ability|information|any)|know|"
    r"access|retrieve|look up|find|locate|track|store)\b"
)
"""The speaker has not got the data."""

PERSONAL = re.compile(
    r"\b(?:personal|private|privacy|confidential\w*|sensitive|individuals?|security|consent|"
    r"data protection)\b"
)
"""Data that belong to somebody."""

OPINES_NOT = re.compile(
    r"\b(?:i|we) (?:do not|cannot) (?:have|hold|possess|form|express)(?: or \w+)? (?:\w+,? (?:or |"
    r"and )?){0,3}?(?:opinions?|beliefs?|feelings|views|preferences|emotions)\b|\bi am (?:just |"
    r"only |merely )?(?:an? )?(?:\w+ ){0,4}?(?:ai|language model|assistant|chatbot|model|"
    r"program)\b|\bi am not an? \w+ \w+"
)
"""The speaker has no opinion: an opening that says nothing yet."""

FILLER = re.compile(
    r"^(?:thank(?:s| you)\b.{0,120}|hello\b.{0,60}|hi\b.{0,60}|hey\b.{0,60}|dear \w+.{0,20}|"
    r"ah\b.{0,40}|oh\b.{0,60}|whoa\b.{0,60}|wow\b.{0,60}|i (?:\w+ )?(?:understand|see|appreciate|"
    r"hear|get|realize|recogni[sz]e|know)\b.{0,200}|(?:that|"
    r"this) is (?:an? )?(?:\w+ ){0,3}?question.{0,80}|good question.{0,40}|great question.{0,40}|"
    r"i am glad.{0,100}|hmm+.{0,30}|well.{0,20})$"
)
"""Courtesy that comes before the answer."""

_DISTRESS = (
    r"(?:feel\w*|going through|struggl\w+|thoughts|this way|pain|hurting|suicid\w+|overwhelmed|"
    r"distress\w*|hopeless\w*|(?:hard|tough|difficult|painful|dark) (?:time|place|moment))"
)

LAMENTS = re.compile(
    r"\b(?:sorry|sad|saddened|concerned|worried)\b.{0,20}?\b(?:to hear|you (?:are|feel)|that you|"
    r"about your|for your|you have)\b"
    rf".{{0,80}}?\b{_DISTRESS}\b|\b(?:hear|sounds? like|see|understand|seems) (?:that |"
    rf"like )?you are .{{0,40}}?\b{_DISTRESS}\b"
)
"""Compassion with somebody in danger."""

LETTER = re.compile(r"^(?:subject|to|from|re|title):|^dear (?!user|friend)")
"""A text written for somebody else, who may well be refused something in it."""
