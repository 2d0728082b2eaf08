"""The words that the generated texts are made of, and common ones for the tokenizers."""


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE = _split("""
Anna Minji Omar Jiho Maria Seoyeon David Hana Lucas Yuna Emma Taeyang Ravi Sofia Junho Leila Peter
Haeun Ines Dongwoo Clara Bora Felix Sujin Amir Nora Woojin Paul Eunji Kofi Elena Sora Martin Jiwoo
Zoe Hyun Carlos Dahye Mia Kenji Laura Minho Ada Youngmi Hugo Somin Nadia Erik Jisoo Tom Chaewon
Rosa Seojun Alice Gyuri Samir Helen Yejin Oscar Naeun Ivan Soyeon Mark Areum Lena Donghae Grace
Sangmin Aisha Viktor Yoona Ben Hyejin Marta Inho Olga Simon Bitna Kwame Jimin Stella Haru Tina
Byungho Rita Adam Seulgi Jonas Mei Nils Hwan Petra Gaeul Louis
""")
SURNAMES = _split("""
Kim Berg Park Silva Lee Novak Choi Weber Jung Rossi Kang Moreau Cho Haddad Yoon Okafor Lim Larsen
Han Costa Oh Fischer Seo Ito Kwon Mendes Hwang Patel Ahn Dubois Song Keller
""")
PLACES = _split("""
Seoul Paris Busan Oslo Incheon Rome Daegu Vienna Jeju Madrid Suwon Prague Daejeon Lisbon Ulsan
Cairo Gyeongju Berlin Jeonju Toronto Pohang London Sokcho Nairobi Gangneung Athens Mokpo Delhi
Yeosu Dublin Andong Warsaw Chuncheon Boston Tokyo Gunsan Helsinki Tongyeong Lima Geneva Osaka Naju
Munich Hanoi Cheonan Porto Kyoto Iksan Zurich Bergen Wonju Sydney Krakow Asan Turin
""")
SYLLABLES = _split("""
ba be bi bo da de di do fa fi ga go ha he ho ja ji jo ka ke ki ko la le li lo lu ma me mi mo na ne
ni no pa pe pi ra re ri ro ru sa se si so su ta te ti to tu va vi wa ya yo yu za zo an ar el en er
ia in is on or us eun hae hyo jin min seo soo woo yeon gyu dong berg ton ham stad
""")
JOBS = _split("""
doctor teacher painter baker nurse pilot farmer singer cook librarian gardener plumber lawyer
writer dentist driver photographer carpenter journalist tailor scientist sailor waiter judge dancer
translator mechanic florist potter firefighter
""")
ANIMALS = _split("""
dog cat rabbit parrot turtle horse hamster goldfish pony goat snake lizard duck hedgehog canary
mouse donkey ferret frog sheep pigeon spider chicken snail llama
""")
FOODS = _split("""
soup rice noodles bread pancakes bibimbap curry salad pizza dumplings tofu pasta kimchi fish
porridge tacos beans cheese strawberries cake sushi potatoes gimbap lentils waffles
""")
INSTRUMENTS = _split("""
piano guitar violin drums flute cello trumpet harp saxophone clarinet gayageum bass tuba banjo
accordion
""")
SUBJECTS = _split("""
history physics music biology chemistry law medicine poetry geography painting linguistics
economics astronomy philosophy mathematics statistics literature geology logic botany
""")
OBJECTS = _split("""
bicycle lamp book key hat camera kettle chair suitcase ring ball clock mirror wallet vase basket
coat ladder table phone kite pencil drum blanket boat cup scarf bag tent map
""")
GAMES = _split("chess football tennis card baduk hockey volleyball dart bowling badminton")
DAYS = _split("""
Monday Tuesday Wednesday Thursday Friday Saturday Sunday Christmas Easter Chuseok
""")
COLOURS = _split("red blue green yellow white black purple brown orange pink grey golden")
SPOTS = _split("""
kitchen garden cellar garage attic bathroom hall office shed drawer cupboard car bedroom yard
""")
BUILDINGS = _split("""
bridge tower museum station theatre castle market harbour school palace temple church hotel
""")
COMMON = _split("""
a about above across after again against ago air all almost alone along already also always am
among an and animal another answer any anyone anything are arm around as ask asked at away baby
back bad be beautiful became because become bed been before began behind being believe below best
better between big bird bit black blue boat body book both box boy bread break bring brother
brought brown build built busy but buy by call called came can car care carry cat centre century
chair change cheap child children city class clean clear close cloud cold colour come comes common
cook cool corner could count country course cut dark daughter day days dead deep did different
dinner do doctor does dog done door down draw dream drink drive dry during each early earth east
easy eat egg eight either eleven empty end enough even evening ever every everyone everything
example eye face fact fall family far farm fast father favourite feel feet few field fill find fine
finish fire first fish five flat floor flower fly food foot for forest forget found four free fresh
friend friends from front fruit full game garden gave get girl give glad glass go goes gold gone
good got grandmother grass great green grew ground group grow had half hand happy hard has hat have
he head hear heart heavy held help her here high hill him his hold home horse hospital hot hour
hours house how hundred hungry husband i ice if important in inside into is island it its job join
jump just keep kept key kind king kitchen knew know known lake land language large last late later
laugh lead learn leave left leg less let letter life light like line list listen little live lived
lives long look lost lot love low lunch made main make man many market may me mean meet men might
milk million mind minute minutes miss money month moon more morning most mother mountain mouth move
much music must my name named near need never new news next nice night nine no nobody noise north
not note nothing now number ocean of off often oil old on once one only open or orange other our
out over own page paint paper park part party pass past pay people perhaps person picture piece
place plan plant play player please point poor present price pull push put queen question quick
quiet quite rain ran reach read ready real really red remember rest rice rich ride right ring river
road rock room round run sad said salt same sand sat saw say school sea season seat second see seen
sell send sentence seven several shall she ship shoe shop short should show shut side silver since
sing sister sit six size sky sleep slow small snow so soft some somebody someone something son song
soon south space speak spoke spring square stand star start station stay still stone stood stop
store story street strong student study such sugar summer sun sure sweet swim table take talk tall
teach tell ten text than thank that the their them then there these they thing things think third
this those thought thousand three through time tired to today together told tomorrow too took top
town train travel tree trip true try turn twelve two uncle under understand university until up
upon us use used usually very village visit voice wait walk wall want war warm was wash watch water
way we wear weather week weeks well went were west wet what wheel when where which while white who
whole whom whose why wide wife wild will wind window winter wish with within without woman women
won wonder wood word words work world would write wrong year years yellow yes yesterday yet you
young your
""")
