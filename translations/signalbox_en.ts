<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_GB" sourcelanguage="en">
<context>
    <name>ApprovalFacts</name>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ChannelsModel</name>
    <message numerus="yes">
        <source>%n running</source>
        <translation>
            <numerusform>%n running</numerusform>
            <numerusform>%n running</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n waiting for you</source>
        <translation>
            <numerusform>%n waiting for you</numerusform>
            <numerusform>%n waiting for you</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Containment</name>
    <message numerus="yes">
        <source>%1 of %Ln attempts went through, tried %2</source>
        <translation>
            <numerusform>%1 of %Ln attempt went through, tried %2</numerusform>
            <numerusform>%1 of %Ln attempts went through, tried %2</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %Ln attempts were held back, %2 could not be made, tried %3</source>
        <translation>
            <numerusform>%1 of %Ln attempt was held back, %2 could not be made, tried %3</numerusform>
            <numerusform>%1 of %Ln attempts were held back, %2 could not be made, tried %3</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %Ln attempts were held back, tried %2</source>
        <translation>
            <numerusform>%1 of %Ln attempt was held back, tried %2</numerusform>
            <numerusform>%1 of %Ln attempts were held back, tried %2</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Through the proxy since Signalbox started: %Ln requests, %1 refused, %2 received, %3 sent.</source>
        <translation>
            <numerusform>Through the proxy since Signalbox started: %Ln request, %1 refused, %2 received, %3 sent.</numerusform>
            <numerusform>Through the proxy since Signalbox started: %Ln requests, %1 refused, %2 received, %3 sent.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln packages not used</source>
        <translation>
            <numerusform>%Ln package not used</numerusform>
            <numerusform>%Ln packages not used</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln packages</source>
        <translation>
            <numerusform>%Ln package</numerusform>
            <numerusform>%Ln packages</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>JournalPanel</name>
    <message numerus="yes">
        <source>%n kinds</source>
        <translation>
            <numerusform>%n kind</numerusform>
            <numerusform>%n kinds</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message numerus="yes">
        <source>%1 (and %n more)</source>
        <translation>
            <numerusform>%1 (and %n more)</numerusform>
            <numerusform>%1 (and %n more)</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 (and %n more keys)</source>
        <translation>
            <numerusform>%1 (and %n more key)</numerusform>
            <numerusform>%1 (and %n more keys)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>PassphraseDialog</name>
    <message numerus="yes">
        <source>That was not the passphrase. %n tries left.</source>
        <translation>
            <numerusform>That was not the passphrase. %n try left.</numerusform>
            <numerusform>That was not the passphrase. %n tries left.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>At least %n characters. A few random words are good.</source>
        <translation>
            <numerusform>At least %n character. A few random words are good.</numerusform>
            <numerusform>At least %n characters. A few random words are good.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>TranscriptView</name>
    <message numerus="yes">
        <source>Jump to latest – %n new</source>
        <translation>
            <numerusform>Jump to latest – %n new</numerusform>
            <numerusform>Jump to latest – %n new</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>VisibleText</name>
    <message numerus="yes">
        <source>%n invisible characters are shown by their codes.</source>
        <translation>
            <numerusform>%n invisible character is shown by its code.</numerusform>
            <numerusform>%n invisible characters are shown by their codes.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n characters only look like others; their codes stand behind them.</source>
        <translation>
            <numerusform>%n character only looks like another; its code stands behind it.</numerusform>
            <numerusform>%n characters only look like others; their codes stand behind them.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>WorkersPanel</name>
    <message numerus="yes">
        <source>%n tool calls</source>
        <translation>
            <numerusform>%n tool call</numerusform>
            <numerusform>%n tool calls</numerusform>
        </translation>
    </message>
</context>
</TS>
