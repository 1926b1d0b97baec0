"""The words of pets' names: short and kind."""

from typing import Final

_ADVERBS = """
always barely boldly bravely briefly calmly cheerily clearly closely daily deeply duly eagerly
easily evenly fairly fondly freely fully gently gladly grandly greatly happily hardly highly
jointly justly keenly kindly lately lightly loosely loudly mainly mildly mostly nearly neatly
newly nicely oddly often openly partly plainly poorly promptly purely quickly quietly rarely
readily really richly rightly roughly safely shyly simply slowly smartly smoothly softly solidly
soundly steadily surely swiftly tidily tightly truly utterly warmly widely wisely
"""

_ADJECTIVES = """
able agile alert amber ample azure balmy bold brave breezy brief bright brisk broad bronze busy
calm candid careful casual cheery chief civil clean clear clever cool coral cosmic cosy crisp
curious daring deep deft dewy eager earnest easy elegant equal even fair famous fancy fast fine
firm fleet fluent fond frank free fresh frosty full gentle giant gifted glad golden good grand
green handy happy hardy hazel hearty honest humble ideal indigo ivory jolly jovial keen kind
leafy light lilac lively loyal lucid lucky lunar major mellow merry mighty mild mint misty
modest navy neat new nimble noble novel olive open orderly pacific placid plain polar polite
prime proud pure quick quiet rapid rare ready regal robust rosy royal ruby rustic safe sage
sandy serene sharp shiny silent silver simple sleek smart smooth snowy social soft solar solid
sound spry stable steady stellar sunny super supple sure swift tall tame teal tender tidy tiny
true trusty upbeat valid vast velvet verdant vivid warm wise witty young zesty
"""

_ANIMALS = """
albatross alpaca ant antelope badger bat bear beaver bee beetle bison boar bobcat bream buffalo
buzzard camel caribou catfish chamois cheetah chipmunk cobra condor coral cougar coyote crab
crane cricket crow curlew deer dingo dodo dolphin dove dragonfly duck eagle eel egret eider
elephant elk emu ermine falcon ferret finch firefly flamingo fox frog gannet gazelle gecko
gerbil gibbon giraffe gnu gopher grebe grouse gull guppy haddock hamster hare hawk hedgehog
heron herring hippo ibex ibis iguana impala jackal jaguar jay kestrel kiwi koala lark lemming
lemur leopard lion lizard llama lobster loon lynx macaw magpie mallard mammoth manatee mantis
marlin marmot marten martin mink moose moth mouse muskrat newt ocelot octopus orca oriole osprey
ostrich otter owl oyster panda panther parrot peacock pelican penguin perch pheasant pigeon pika
pike plover porpoise possum puffin puma python quail rabbit raccoon raven ray reindeer rhino
robin rooster sailfish salmon sardine seal shark shrimp skink skylark sloth snail snipe sparrow
squid squirrel starling stork swallow swan swift tadpole tapir tern tiger trout tuna turkey
turtle vole walrus weasel whale wolf wombat wren yak zebra
"""

ADVERBS: Final = tuple(_ADVERBS.split())
ADJECTIVES: Final = tuple(_ADJECTIVES.split())
ANIMALS: Final = tuple(_ANIMALS.split())
