"""The categories of texts that a judge refuses."""

from __future__ import annotations

from enum import StrEnum


class JudgeCategory(StrEnum):
    """One reason to refuse a text for its meaning; `guardrails/data/judge.toml` describes each."""

    ORDER = "order"
    PROMISE = "promise"
    INVESTMENT = "investment"
    PHISHING = "phishing"
    CONTACT = "contact"
    POLITICS = "politics"
    INSULT = "insult"
    SEXUAL = "sexual"
    VIOLENCE = "violence"
    SELF_HARM = "self-harm"
    MEDICAL_LEGAL = "medical-legal"
    HUMAN_CLAIM = "human-claim"
    INSTRUCTIONS = "instructions"
    IMPERSONATION = "impersonation"
    OFF_PERSONA = "off-persona"
