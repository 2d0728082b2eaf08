"""Everyday scenes in the manner of SWAG: two sentences, and four ways for the second to end.

Who began something goes on with it: the right ending is about the activity of the first sentence
and the very thing it names. The wrong ones go on with something else, or with another thing of the
same sort.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Activity:
    """How something begins and how it goes on; {t} is one of `things` in both."""

    things: Sequence[str]
    begins: Sequence[str]
    goes_on: Sequence[str]


ACTIVITIES = (
    Activity(("soup", "stew", "broth", "curry"),
             ("puts a pot of {t} on the stove.", "is cooking {t} in a big pot.",
              "cuts carrots and onions for a {t}.", "heats some {t} in the kitchen."),
             ("stirs the {t} with a wooden spoon.", "adds a little salt to the {t} and tastes it.",
              "fills two bowls with warm {t}.", "puts the lid on the {t} and waits.")),
    Activity(("tea", "coffee", "cocoa", "milk"),
             ("pours hot {t} into a cup.", "makes some {t} and sits down at the table.",
              "carries a mug of {t} to the sofa.", "orders a cup of {t} in a cafe."),
             ("takes a small sip of the {t}.", "puts sugar into the {t} and stirs it.",
              "holds the warm mug and drinks the {t} slowly.",
              "blows on the {t} because it is hot.")),
    Activity(("cake", "tart", "pie", "pizza"),
             ("mixes flour and water for a {t}.", "takes a {t} out of the oven.",
              "reads a recipe for a {t}.", "rolls out the dough for a {t}."),
             ("puts the {t} into the hot oven.", "cuts the {t} into even pieces.",
              "lets the {t} cool on the table.", "gives everyone a slice of the {t}.")),
    Activity(("ball", "frisbee", "balloon"),
             ("is playing with a {t} in the park.", "runs across the field with a {t}.",
              "shows the children a new {t}.", "waits on the lawn with a {t}."),
             ("throws the {t} high into the air.", "catches the {t} with both hands.",
              "passes the {t} to a friend.", "runs after the {t} and picks it up.")),
    Activity(("guitar", "violin", "piano", "flute", "cello"),
             ("sits on a stage with a {t}.", "is practising the {t} at home.",
              "takes a {t} to the music lesson.", "learns a new song on the {t}."),
             ("plays a slow melody on the {t}.", "starts to play the {t} and sings along.",
              "plays the last note on the {t} and bows.",
              "tunes the {t} and tries the song again.")),
    Activity(("book", "newspaper", "letter", "magazine"),
             ("opens a {t} by the window.", "sits in an armchair with a {t}.",
              "finds an old {t} on the shelf.", "takes a {t} along on the train."),
             ("turns the page of the {t} and reads on.", "reads the {t} to the very end.",
              "puts on glasses and reads the {t}.", "folds the {t} and thinks about the words.")),
    Activity(("car", "bus", "van", "truck"),
             ("is washing a {t} in front of the house.", "brings a bucket of soap to the {t}.",
              "sees that the {t} is covered with mud.", "parks the dirty {t} beside the hose."),
             ("rubs the windows of the {t} with a sponge.", "rinses the soap off the {t}.",
              "dries the {t} with a soft cloth.", "polishes the {t} until it shines.")),
    Activity(("bicycle", "scooter", "skateboard"),
             ("puts on a helmet and takes a {t}.", "gets a {t} for a birthday.",
              "rides a {t} along the river.", "rolls down the street on a {t}."),
             ("steers the {t} around a corner.", "stops and jumps off the {t}.",
              "speeds down the hill on the {t}.", "leans the {t} against a fence.")),
    Activity(("tomatoes", "roses", "tulips", "beans"),
             ("kneels in the garden beside the {t}.", "plants {t} in the soft earth.",
              "fills a watering can for the {t}.", "looks for weeds among the {t}."),
             ("waters the {t} until the ground is wet.", "pulls out the weeds around the {t}.",
              "picks some of the {t} and fills a basket.",
              "covers the roots of the {t} with earth.")),
    Activity(("dog", "puppy", "pony"),
             ("goes for a walk with a {t}.", "brushes the fur of a {t}.",
              "fills a bowl for the hungry {t}.", "calls the {t} across the meadow."),
             ("pats the {t} on the head.", "holds the lead while the {t} sniffs at a tree.",
              "gives the {t} a treat.", "laughs when the {t} wags its tail.")),
    Activity(("house", "tree", "boat", "horse"),
             ("holds a pencil and begins to draw a {t}.", "wants to paint a picture of a {t}.",
              "sketches a {t} on white paper.", "looks at the canvas with a half finished {t}."),
             ("dips the brush in paint and colours the {t}.",
              "adds a shadow to the picture of the {t}.",
              "hangs the painting of the {t} on the wall.",
              "rubs out a line and draws the {t} again.")),
    Activity(("shirt", "dress", "coat", "jacket"),
             ("is trying on a {t} in a shop.", "takes a {t} from the wardrobe.",
              "sews a button on a {t}.", "irons a {t} before work."),
             ("looks in the mirror and straightens the {t}.",
              "buttons up the {t} and turns around.",
              "hangs the {t} on a hanger.", "pulls the sleeves of the {t} down.")),
    Activity(("letter", "story", "poem", "postcard"),
             ("sits at a desk to write a {t}.", "takes a pen and thinks about a {t}.",
              "begins the first line of a {t}.", "has an idea for a {t}."),
             ("writes a few more words of the {t}.", "crosses out a word in the {t}.",
              "signs the {t} with a name.", "puts the pen down and reads the {t} aloud.")),
    Activity(("snowman", "sandcastle", "tower", "treehouse"),
             ("is building a {t} with the children.", "begins to build a {t} on a day off.",
              "makes a plan for a {t}.", "collects what is needed for a {t}."),
             ("makes the {t} a little higher.", "puts a small flag on top of the {t}.",
              "steps back and admires the {t}.", "takes a photo beside the finished {t}.")),
    Activity(("pool", "lake", "sea", "river"),
             ("is standing at the edge of the {t}.", "puts on goggles and walks to the {t}.",
              "dips a foot into the cold {t}.", "wants to swim in the {t}."),
             ("jumps into the {t} with a splash.", "swims across the {t} with long strokes.",
              "dives under the water of the {t}.", "climbs out of the {t} and takes a towel.")),
    Activity(("mountain", "hill", "cliff"),
             ("is hiking up a {t} with a backpack.", "ties the boots at the foot of a {t}.",
              "looks at a map of the {t}.", "follows a narrow path up the {t}."),
             ("reaches the top of the {t} and rests.", "climbs the last steps of the {t}.",
              "enjoys the view from the {t}.", "walks carefully down the steep {t}.")),
    Activity(("floor", "carpet", "hall", "stairs"),
             ("takes a broom to clean the {t}.", "sees crumbs all over the {t}.",
              "carries the vacuum cleaner to the {t}.", "gets ready to sweep the {t}."),
             ("sweeps the dust off the {t}.", "cleans the {t} until no crumb is left.",
              "wipes a stain from the {t}.", "empties the dustpan and looks at the clean {t}.")),
    Activity(("plates", "glasses", "pans", "spoons"),
             ("fills the sink with water to wash the {t}.", "carries the dirty {t} to the kitchen.",
              "stands at the sink beside a pile of {t}.", "squeezes soap over the {t}."),
             ("scrubs the {t} with a brush.", "rinses the {t} under the tap.",
              "dries the {t} with a towel.", "puts the clean {t} back into the cupboard.")),
    Activity(("fish", "trout", "crabs"),
             ("sits on a pier and hopes to catch {t}.", "throws a line into the water for {t}.",
              "takes a net and a bucket for {t}.", "rows out in a small boat to look for {t}."),
             ("pulls in the line and sees the {t}.", "puts the {t} into the bucket.",
              "waits patiently for the {t} to come.", "lets the {t} go back into the water.")),
    Activity(("tango", "waltz", "ballet"),
             ("goes to a class to learn the {t}.", "walks onto the dance floor for the {t}.",
              "puts on shoes to dance the {t}.", "hears the music of a {t}."),
             ("dances the {t} with light steps.", "spins around in the middle of the {t}.",
              "counts the beat of the {t} and moves along.", "ends the {t} with a deep bow.")),
    Activity(("hair", "fringe"),
             ("sits down at the hairdresser to have the {t} cut.",
              "looks in the mirror at the long {t}.",
              "takes a comb and wets the {t}.", "asks the barber for a shorter {t}."),
             ("watches the scissors trim the {t}.", "feels the {t} with one hand and smiles.",
              "combs the {t} to one side.", "is happy with the new look of the {t}.")),
    Activity(("lamp", "radio", "clock", "toaster"),
             ("sees that the {t} is broken.", "takes a screwdriver to repair the {t}.",
              "opens the back of the {t}.", "brings an old {t} to the workshop."),
             ("fixes a loose wire in the {t}.", "puts a new part into the {t}.",
              "closes the {t} and switches it on.", "tightens the last screw of the {t}.")),
    Activity(("tent", "hammock", "campfire"),
             ("arrives at the camp and thinks of the {t}.",
              "finds a good place for a {t} in the forest.",
              "unpacks everything for the {t}.", "helps friends with the {t} before dark."),
             ("ties the last rope beside the {t}.",
              "spends the evening by the {t} under the stars.",
              "checks that the {t} is safe from the wind.",
              "invites everyone to the {t} and tells stories.")),
    Activity(("chess", "checkers", "cards", "dominoes"),
             ("sits down to play {t} with a friend.", "sets up a game of {t}.",
              "teaches a neighbour to play {t}.", "joins an evening of {t} at the club."),
             ("thinks about the next move in {t}.", "wins the game of {t} and shakes hands.",
              "loses the game of {t} and asks for another.", "explains a rule of {t} once more.")),
    Activity(("apples", "oranges", "pears", "cherries"),
             ("goes to the market to buy {t}.", "picks up a basket for the {t}.",
              "stands on a ladder under a tree of {t}.", "asks how much the {t} cost."),
             ("chooses the ripest {t} one by one.", "weighs a bag of {t} and pays.",
              "takes a bite and finds the {t} sweet.", "carries the {t} home in a bag.")),
    Activity(("train", "plane", "ferry"),
             ("is waiting for a {t} with a suitcase.", "buys a ticket for the {t}.",
              "hurries to catch the {t}.", "says goodbye before the {t} leaves."),
             ("gets on the {t} and finds a seat.", "looks out of the window of the {t}.",
              "waves from the {t} as it departs.", "shows the ticket and boards the {t}.")),
    Activity(("skis", "skates", "snowshoes"),
             ("puts on {t} on a cold morning.", "rents a pair of {t} in the winter.",
              "steps onto the ice and snow with {t}.", "learns how to move on {t}."),
             ("glides over the snow on the {t}.", "slips on the {t} but stays upright.",
              "takes off the {t} and warms both feet.", "makes a wide turn on the {t}.")),
    Activity(("bird", "butterfly", "squirrel", "deer"),
             ("hears a {t} in the bushes.", "looks through binoculars at a {t}.",
              "sees a {t} in the woods.", "follows a {t} very quietly."),
             ("takes a photo of the {t} from far away.", "stands still so that the {t} will stay.",
              "watches until the {t} is gone.", "writes the name of the {t} in a notebook.")),
    Activity(("baby", "toddler", "twins"),
             ("puts the {t} to bed.", "carries the {t} to the crib.",
              "gets a blanket for the {t}.", "hears the {t} cry at night."),
             ("sings a lullaby to the {t}.", "rocks the {t} gently to sleep.",
              "tucks the {t} in and turns off the light.", "kisses the {t} good night.")),
    Activity(("camera", "phone", "telescope"),
             ("points a {t} at the full moon.", "sets up a {t} on a tripod.",
              "gets a {t} to look at the night sky.", "tries a new {t} on the balcony."),
             ("looks through the {t} at the moon.", "turns the {t} toward a bright star.",
              "adjusts the lens of the {t}.", "packs the {t} away when clouds come.")),
    Activity(("drum", "trumpet", "tuba"),
             ("marches in a parade with a {t}.", "joins the brass band with a {t}.",
              "walks down the street and carries a {t}.", "rehearses the {t} for the parade."),
             ("keeps marching and plays the {t} loudly.", "raises the {t} when the parade begins.",
              "follows the band and plays the {t}.", "lowers the {t} when the march is over.")),
    Activity(("kite", "drone", "glider"),
             ("takes a {t} to a windy beach.", "lets a {t} rise from the hilltop.",
              "runs against the wind with a {t}.", "unpacks a {t} on the open field."),
             ("watches the {t} fly above the trees.", "brings the {t} safely down to the ground.",
              "makes the {t} circle in the sky.", "loses sight of the {t} behind a cloud.")),
    Activity(("wood", "logs", "branches"),
             ("goes to the shed to chop {t}.", "swings an axe to split {t}.",
              "collects {t} for the fireplace.", "saws {t} behind the cabin."),
             ("stacks the {t} against the wall.", "lights a fire with the {t}.",
              "loads the {t} onto a cart.", "splits the rest of the {t} with an axe.")),
    Activity(("test", "exam", "quiz"),
             ("sits in class and waits for the {t}.", "studies all evening for a {t}.",
              "gets the paper with the {t}.", "has only ten minutes left in the {t}."),
             ("answers the last question of the {t}.", "hands in the {t} to the teacher.",
              "checks every answer of the {t} twice.", "passes the {t} and is relieved.")),
    Activity(("wall", "fence", "door", "gate"),
             ("opens a can of paint for the {t}.", "puts tape around the old {t}.",
              "covers the ground below the {t} with paper.", "wants the {t} to be blue."),
             ("paints the {t} with a wide brush.", "puts a second coat of paint on the {t}.",
              "waits for the paint on the {t} to dry.", "rolls fresh paint over the {t}.")),
    Activity(("window", "mirror", "shop front"),
             ("climbs a ladder to clean the {t}.", "sprays water on the {t}.",
              "sees fingerprints on the {t}.", "takes a cloth to the {t}."),
             ("wipes the {t} from top to bottom.", "polishes the {t} until it is clear.",
              "removes the last streak from the {t}.",
              "looks through the spotless glass of the {t}.")),
    Activity(("marathon", "race", "relay"),
             ("stands at the start of a {t}.", "stretches both legs before the {t}.",
              "ties the running shoes for a {t}.", "trains every morning for the {t}."),
             ("crosses the finish line of the {t}.", "runs faster in the last part of the {t}.",
              "drinks some water during the {t}.", "gets a medal after the {t}.")),
    Activity(("present", "parcel", "package"),
             ("gets a {t} from a friend.", "wraps a {t} in colourful paper.",
              "finds a {t} at the front door.", "carries a heavy {t} to the post office."),
             ("unties the ribbon of the {t}.", "writes the address on the {t}.",
              "shakes the {t} and guesses what is inside.", "opens the {t} and says thank you.")),
)
HE = ("A man", "The man", "A boy", "The boy", "An old man", "A young man", "The father",
      "David", "Omar", "Jiho", "Lucas", "Peter", "Felix", "Paul", "Junho")
SHE = ("A woman", "The woman", "A girl", "The girl", "An old woman", "A young woman", "The mother",
       "Anna", "Minji", "Maria", "Hana", "Emma", "Clara", "Sofia", "Leila")
WHEN = ("In the morning", "On a sunny day", "After school", "Early on Sunday", "Before dinner",
        "On a rainy afternoon", "Later that day", "On the weekend")
FIRST = ("Then", "After a while", "A moment later", "Soon", "With a smile")
WITH = ("while the others watch", "and smiles", "without a hurry", "for the second time",
        "with great care", "and hums a song")


def begin(activity: Activity, thing: str, chance: Random) -> tuple[str, str]:
    """Return the first sentence, and the beginning of the second."""
    pronoun, people = chance.choice([("he", HE), ("she", SHE)])
    person = chance.choice(people)
    described = person.startswith(("A ", "An ", "The "))  # not a name
    first = f"{person} {chance.choice(activity.begins)}"
    if chance.random() < 0.3:
        rest = first[0].lower() + first[1:] if described else first
        first = f"{chance.choice(WHEN)}, {rest}"
    if chance.random() < 0.3:
        second = f"{chance.choice(FIRST)}, {pronoun}"
    elif described and chance.random() < 0.4:
        second = f"The {person.split(' ', 1)[1]}"
    else:
        second = pronoun.capitalize()
    return first.replace("{t}", thing), second


def go_on(activity: Activity, thing: str, chance: Random) -> str:
    """Return an ending."""
    ending = chance.choice(activity.goes_on).replace("{t}", thing)
    if chance.random() < 0.2:
        ending = f"{ending.removesuffix('.')} {chance.choice(WITH)}."
    return ending


def scene(chance: Random) -> tuple[str, str, list[str]]:
    """Return the first sentence, the beginning of the second, and endings, the right one first."""
    activity = chance.choice(ACTIVITIES)
    thing = chance.choice(activity.things)
    first, second = begin(activity, thing, chance)
    others = [other for other in ACTIVITIES
              if other is not activity and not set(other.things) & set(activity.things)]
    endings = [go_on(activity, thing, chance)]
    for other in chance.sample(others, 3):
        endings.append(go_on(other, chance.choice(other.things), chance))
    if chance.random() < 0.2:  # one that goes on well, with what was not there
        stranger = chance.choice([other for other in activity.things if other != thing])
        endings[3] = go_on(activity, stranger, chance)
    return first, second, endings


def rows(split: str, size: int, chance: Random) -> Iterator[dict[str, Any]]:
    """Yield `size` different rows of SWAG's columns; in the split "test" the label is -1."""
    seen: set[str] = set()
    while len(seen) < size:
        first, second, endings = scene(chance)
        key = " ".join((first, second, *endings))
        if key in seen:
            continue
        number = len(seen)
        seen.add(key)
        order = chance.sample(range(4), 4)
        yield {
            "video-id": f"kit_{chance.getrandbits(32):08x}",
            "fold-ind": str(number),
            "startphrase": f"{first} {second}",
            "sent1": first,
            "sent2": second,
            "gold-source": "gold",
            **{f"ending{place}": endings[which] for place, which in enumerate(order)},
            "label": -1 if split == "test" else order.index(0),
        }
