"""The story of the demo series, 「風のイレブン」: three short episodes, invented for this program.

A line that begins with `>` comes in before the line before it has ended.
The references' lines are said in no episode.
"""

from __future__ import annotations

from dataclasses import dataclass

SERIES = "kaze-no-eleven"
TITLE = "Kaze no Eleven"

NAMES = {"haruto": "風見ハルト", "goro": "岩城ゴロウ", "mio": "水瀬ミオ"}
WALK_ON = "groundskeeper"
"""Somebody who speaks in one episode only, and has no reference."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one person says; `early` lines overlap the line before."""

    speaker: str
    text: str
    early: bool = False


_EPISODES = (
    """
haruto 今日からこの丘で、新しいサッカー部を始めるんだ。
goro 部員は三人だけだぞ。本気で言っているのか、ハルト。
mio わたしは賛成。だって、ここは風が気持ちいいもの。
haruto 風を味方につければ、どんな相手にも負けないさ！
goro まったく、お前はいつも勢いだけで走り出す。
mio ゴロウくんだって、もうグローブを持ってきてるじゃない。
goro >これは、その、たまたま鞄に入っていただけだ。
haruto よし、まずはシュート練習だ。ゴロウ、ゴールを頼む！
goro 来い。この手に触れたボールは、一つも通さん。
haruto いくぞ！これが俺の、はやてシュートだ！
goro ぐっ、思ったより重い球だ。だが、止めたぞ。
mio すごい！今のは絶対に入ったと思ったのに。
haruto くそう、あと少しだったのに。もう一本だ！
mio ちょっと二人とも、水を飲むのを忘れないでね。
goro しかし、試合をするには、あと八人も足りないぞ。
mio 大丈夫。あした、校門の前でみんなに声をかけよう。
haruto うん。ここから、俺たちの風が吹き始めるんだ。
goro ふん、悪くない。その夢に、俺も乗ってやろう。
""",
    """
mio あいにくの雨だね。グラウンドが池みたいになってる。
haruto 雨の日には、雨の日にしかできない練習があるはずだ。
goro 体育館は、バスケ部が使っている。さて、どうする。
groundskeeper おおい、君たち。そこの倉庫なら空いておるぞ。
haruto 本当ですか！おじさん、使わせてもらいます！
groundskeeper 昔はわしも、この丘でボールを追いかけたものじゃ。
mio えっ、おじいさんもサッカー部だったんですか。
groundskeeper そうとも。風を読む者が、最後に笑うんじゃよ。
goro 風を読む、か。口で言うほど簡単ではないな。
mio 目を閉じて。ほら、窓の隙間から音が聞こえるよ。
haruto 右から左へ、少しずつ強くなっているみたいだ。
goro >待て、静かにしろ。今、風の向きが変わった。
goro 試してみよう。ミオ、俺の合図でボールを出せ。
mio はい、いくよ。三、二、一、それっ！
haruto やった、つながった！今のパス、完璧だったぞ！
goro 体が勝手に動いた。これが、風を読むということか。
mio 見て、雨が上がってる。空に大きな虹が出てるよ。
haruto 外に出よう。ぬれた芝だって、今なら走れる気がする。
goro やれやれ、にぎやかな部になったものだ。
""",
    """
haruto ついに来たな、初めての練習試合。心臓がどきどきする。
mio 相手は去年の県大会で、ベスト四に入ったチームだよ。
goro 数字を恐れるな。ゴールは俺が守り抜いてみせる。
haruto みんな、聞いてくれ。俺たちは十一人で一つの風だ。
goro 左のディフェンスが薄い。ハルト、そこを狙え。
haruto わかった。ミオ、俺の足元にボールを集めてくれ！
mio >まかせて。走り出したら、絶対に止まらないでよ！
goro 来るぞ、強烈なシュートだ。全員、下がれ！
haruto ゴロウ、頼む！ここを止めたら俺たちの番だ！
goro うおおっ、大岩キャッチ！どうだ、止めたぞ。
mio ナイスセーブ！さあ、こっちに投げて、早く！
haruto 追い風だ。今なら、どこまでも飛んでいける！
mio ハルトくん、上を見て。ボールを高く上げるよ！
haruto >とどけえっ！これが俺たちの、はやてシュートだあ！
goro 決まった。あの球は、誰にも止められはしない。
mio やったあ！わたしたち、一点取ったんだよ！
goro まだ終わりではないぞ。残り五分、気を抜くな。
goro ならば最後まで走り抜こう。我らの丘の名にかけて。
""",
)

_REFERENCES = """
haruto 朝の河原を走るのが、子どものころからの習慣なんだ。
haruto 失敗したって構わない。立ち上がれば、それが次の力になる。
haruto おなかがすいたなあ。帰りに、たこ焼きでも食べていこうよ。
goro 山で育った俺にとって、この程度の坂は平地と変わらん。
goro 弟が五人いるのでな、夕飯の支度は俺の役目だ。
goro 黙って耐える者だけが、最後の一歩を踏み出せる。
mio 図書室で借りた本に、昔の試合の記録が残っていたの。
mio お弁当は卵焼きと、小さなトマトをたくさん入れてきたよ。
mio 夏休みになったら、みんなで海まで自転車で行こうね。
"""


def _lines(text: str) -> tuple[Line, ...]:
    rows = [row.split(" ", 1) for row in text.strip().splitlines()]
    return tuple(
        Line(speaker=speaker, text=said.removeprefix(">"), early=said.startswith(">")) for speaker, said in rows
    )


EPISODES: tuple[tuple[Line, ...], ...] = tuple(_lines(text) for text in _EPISODES)
REFERENCES: tuple[Line, ...] = _lines(_REFERENCES)
