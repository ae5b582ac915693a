//! No method, and very many.

use traitwire::ipc_service;

#[ipc_service]
trait Empty {}

macro_rules! many {
    ($($name:ident $number:literal)+) => {
        #[ipc_service]
        trait Many {
            $(async fn $name(&self, a: u32) -> u32;)+
        }

        struct Numbers;

        impl Many for Numbers {
            $(async fn $name(&self, a: u32) -> u32 {
                a + $number
            })+
        }
    };
}

struct Nothing;
impl Empty for Nothing {}

#[test]
fn a_service_may_be_empty() {
    use traitwire::__private::Dispatch as _;
    let server = EmptyServer::new(Nothing);
    assert!(server.slot(0).is_none());
    assert_eq!(server.description().methods().len(), 0);
}

#[tokio::test]
async fn three_hundred_methods_find_their_way() {
    let client = ManyClient::local(Numbers);
    assert_eq!(client.m0(1).await.unwrap(), 1);
    assert_eq!(client.m127(1).await.unwrap(), 128);
    assert_eq!(client.m128(1).await.unwrap(), 129);
    assert_eq!(client.m299(1).await.unwrap(), 300);
}

#[rustfmt::skip]
many! {
    m0 0 m1 1 m2 2 m3 3 m4 4 m5 5 m6 6 m7 7 m8 8 m9 9
    m10 10 m11 11 m12 12 m13 13 m14 14 m15 15 m16 16 m17 17 m18 18 m19 19
    m20 20 m21 21 m22 22 m23 23 m24 24 m25 25 m26 26 m27 27 m28 28 m29 29
    m30 30 m31 31 m32 32 m33 33 m34 34 m35 35 m36 36 m37 37 m38 38 m39 39
    m40 40 m41 41 m42 42 m43 43 m44 44 m45 45 m46 46 m47 47 m48 48 m49 49
    m50 50 m51 51 m52 52 m53 53 m54 54 m55 55 m56 56 m57 57 m58 58 m59 59
    m60 60 m61 61 m62 62 m63 63 m64 64 m65 65 m66 66 m67 67 m68 68 m69 69
    m70 70 m71 71 m72 72 m73 73 m74 74 m75 75 m76 76 m77 77 m78 78 m79 79
    m80 80 m81 81 m82 82 m83 83 m84 84 m85 85 m86 86 m87 87 m88 88 m89 89
    m90 90 m91 91 m92 92 m93 93 m94 94 m95 95 m96 96 m97 97 m98 98 m99 99
    m100 100 m101 101 m102 102 m103 103 m104 104 m105 105 m106 106 m107 107 m108 108 m109 109
    m110 110 m111 111 m112 112 m113 113 m114 114 m115 115 m116 116 m117 117 m118 118 m119 119
    m120 120 m121 121 m122 122 m123 123 m124 124 m125 125 m126 126 m127 127 m128 128 m129 129
    m130 130 m131 131 m132 132 m133 133 m134 134 m135 135 m136 136 m137 137 m138 138 m139 139
    m140 140 m141 141 m142 142 m143 143 m144 144 m145 145 m146 146 m147 147 m148 148 m149 149
    m150 150 m151 151 m152 152 m153 153 m154 154 m155 155 m156 156 m157 157 m158 158 m159 159
    m160 160 m161 161 m162 162 m163 163 m164 164 m165 165 m166 166 m167 167 m168 168 m169 169
    m170 170 m171 171 m172 172 m173 173 m174 174 m175 175 m176 176 m177 177 m178 178 m179 179
    m180 180 m181 181 m182 182 m183 183 m184 184 m185 185 m186 186 m187 187 m188 188 m189 189
    m190 190 m191 191 m192 192 m193 193 m194 194 m195 195 m196 196 m197 197 m198 198 m199 199
    m200 200 m201 201 m202 202 m203 203 m204 204 m205 205 m206 206 m207 207 m208 208 m209 209
    m210 210 m211 211 m212 212 m213 213 m214 214 m215 215 m216 216 m217 217 m218 218 m219 219
    m220 220 m221 221 m222 222 m223 223 m224 224 m225 225 m226 226 m227 227 m228 228 m229 229
    m230 230 m231 231 m232 232 m233 233 m234 234 m235 235 m236 236 m237 237 m238 238 m239 239
    m240 240 m241 241 m242 242 m243 243 m244 244 m245 245 m246 246 m247 247 m248 248 m249 249
    m250 250 m251 251 m252 252 m253 253 m254 254 m255 255 m256 256 m257 257 m258 258 m259 259
    m260 260 m261 261 m262 262 m263 263 m264 264 m265 265 m266 266 m267 267 m268 268 m269 269
    m270 270 m271 271 m272 272 m273 273 m274 274 m275 275 m276 276 m277 277 m278 278 m279 279
    m280 280 m281 281 m282 282 m283 283 m284 284 m285 285 m286 286 m287 287 m288 288 m289 289
    m290 290 m291 291 m292 292 m293 293 m294 294 m295 295 m296 296 m297 297 m298 298 m299 299
}
